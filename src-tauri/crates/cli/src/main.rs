//! The headless `image-syncer`.
fn main() {}
