//! An OCI registry in this process, true to the distribution spec 1.1, with scripted faults and the ways of real
//! registries. Tests copy to and from it and look into it; the built-in demo shows it to newcomers.
//!
//! It shares no code with our registry client: it parses, hashes and answers by itself, so that it can bear witness.
//!
//! ```
//! use testkit::{Fault, Image, Kind, Layer, Registry};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let registry = Registry::start().await;
//! let image = Image::multi([
//!     Image::single("linux/amd64", [Layer::random(1, 10_000)]),
//!     Image::single("linux/arm64", [Layer::random(2, 10_000)]),
//! ]);
//! let pushed = registry.push("library/hello", "1.0", &image);
//! assert_eq!(registry.tag_digest("library/hello", "1.0"), Some(pushed.digest().to_owned()));
//!
//! let fault = registry.fault(Fault::on(Kind::Manifest).get().status(503));
//! // ... let a client meet it ...
//! # fault.disarm();
//! registry.assert_all_fired();
//! # }
//! ```
//!
//! Where things are: [`registry`] the server and what can be asked of it; [`image`] images to serve; [`fault`] what
//! goes wrong once or a few times; [`quirk`] what a registry does always, [`vendor`] in sets; [`auth`] who may do what; [`tls`]
//! certificates; [`cloud`] the APIs of clouds that give out credentials; [`relay`] a slow or broken network in front of
//! any server; [`tunnel`] a proxy that gives it any name; [`demo`] the demo's two registries.

use std::sync::{Mutex, MutexGuard, PoisonError};

pub mod auth;
pub mod cloud;
pub mod content;
pub mod demo;
pub mod digest;
pub mod fault;
pub mod image;
pub mod kind;
pub mod quirk;
pub mod registry;
pub mod relay;
pub mod reply;
pub mod request;
pub mod store;
pub mod tls;
pub mod tunnel;
pub mod vendor;

mod body;
mod manifest;
mod problem;
mod script;
mod serve;
mod server;
mod throttle;
mod upload;
mod wire;

pub use auth::{Auth, TokenAuth, TokenField};
pub use cloud::Cloud;
pub use content::Content;
pub use fault::{Action, Cut, Fault, FaultHandle, Match, Stall};
pub use image::{Built, Image, Layer};
pub use kind::Kind;
pub use quirk::{
    LinkForm, LocationForm, On, Quirk, RangeForm, Redirect, SinglePost, TagsForm, UploadRange,
    VendorApi,
};
pub use registry::{Builder, Registry};
pub use relay::Relay;
pub use reply::Reply;
pub use request::Request;
pub use store::{Keep, Store};
pub use tunnel::Tunnel;
pub use vendor::Vendor;

// a test that panics with the lock held must not take the server's other answers with it
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
