//! Tells Tauri where the capabilities and permissions are: not beside its configuration, but below `src-tauri`.

fn main() {
    println!("cargo:rerun-if-changed=src-tauri/capabilities");
    println!("cargo:rerun-if-changed=src-tauri/permissions");
    let permissions =
        tauri_build::AppManifest::new().permissions_path_pattern("./src-tauri/permissions/*.toml");
    let attributes = tauri_build::Attributes::new()
        .capabilities_path_pattern("./src-tauri/capabilities/**/*")
        .app_manifest(permissions);
    tauri_build::try_build(attributes).expect("tauri build script");
}
