//! The page's two ways in.

use std::sync::Arc;

use api::{
    Api,
    dto::{ApiError, AppEvent},
};
use serde_json::Value;
use tauri::{State, ipc::Channel};

use crate::Desktop;

/// Gives a command of the `api` crate.
#[tauri::command]
pub(crate) async fn rpc(
    api: State<'_, Arc<Api<Desktop>>>,
    name: String,
    request: Value,
) -> Result<Value, ApiError> {
    api.call(&name, request).await
}

/// From here on the page is told what happens. A page that was loaded anew takes the place of the one before.
#[tauri::command]
#[expect(clippy::needless_pass_by_value, reason = "the form that Tauri wants")]
pub(crate) fn subscribe(api: State<'_, Arc<Api<Desktop>>>, channel: Channel<AppEvent>) {
    api.host().subscribe(channel);
}
