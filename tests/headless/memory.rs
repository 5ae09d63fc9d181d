//! Memory is bounded by concurrency times buffer, whatever the layer's size.

use testkit::{Image, Keep, Layer, Registry};
use wait4::Wait4 as _;

use crate::support::Program;

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_layer_of_4_gib_passes_through_less_than_64_mib() {
    const SIZE: u64 = 4 << 30;
    let source = Registry::start().await;
    let destination = Registry::builder().keep(Keep::Digests).start().await;
    let image = Image::single("linux/amd64", [Layer::huge(1, SIZE)]);
    let built = tokio::task::block_in_place(|| source.push("a/b", "v1", &image));
    let program = Program::new();
    let (from, to) = (format!("{}/a/b:v1", source.host()), format!("{}/x/b", destination.host()));
    let child = program.command(&["copy", &from, &to, "-q"]).spawn().unwrap();
    let used = tokio::task::block_in_place(|| child.wait4()).unwrap();
    assert!(used.status.success());
    assert_eq!(destination.tag_digest("x/b", "v1").as_deref(), Some(built.digest()));
    let peak = used.rusage.maxrss >> 20;
    assert!(peak < 64, "{peak} MiB at the peak");
    eprintln!("{peak} MiB at the peak");
}
