//! `skopeo`, the independent witness.

use std::process::Command;

/// The manifest's bytes as `skopeo inspect --raw` reads them, or what it says when it can't.
pub fn raw(reference: &str, more: &[&str]) -> Result<Vec<u8>, String> {
    let out = Command::new("skopeo")
        .args(["inspect", "--raw", "--tls-verify=false"])
        .args(more)
        .arg(format!("docker://{reference}"))
        .output()
        .unwrap();
    if out.status.success() {
        Ok(out.stdout)
    } else {
        Err(String::from_utf8_lossy(&out.stderr).into_owned())
    }
}

/// Copies an image with everything that it names, its digest preserved.
pub fn copy(source: &str, destination: &str, more: &[&str]) {
    let out = Command::new("skopeo")
        .args([
            "copy",
            "--all",
            "--preserve-digests",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            "-q",
        ])
        .args(more)
        .args([format!("docker://{source}"), format!("docker://{destination}")])
        .output()
        .unwrap();
    assert!(out.status.success(), "skopeo copy: {}", String::from_utf8_lossy(&out.stderr));
}
