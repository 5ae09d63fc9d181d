//! Memory is bounded by concurrency times buffer, whatever the layer's size.

use std::time::Duration;

use testkit::{Image, Keep, Layer, Registry};

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
    let plain = format!("{},{}", source.host(), destination.host());
    let mut child =
        program.command(&["copy", &from, &to, "-q", "--insecure", &plain]).spawn().unwrap();
    // what the kernel tells at the end (`ru_maxrss`) begins with the size of the process that started the program
    let mut peak = 0;
    let status = loop {
        peak = peak.max(high_water(child.id()).unwrap_or(0));
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(status.success());
    assert_eq!(destination.tag_digest("x/b", "v1").as_deref(), Some(built.digest()));
    assert!(peak > 0, "it was seen running");
    assert!(peak < 64, "{peak} MiB at the peak");
    eprintln!("{peak} MiB at the peak");
}

/// The most memory that a process has had so far, MiB.
fn high_water(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? >> 10)
}
