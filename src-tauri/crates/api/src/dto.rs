//! What crosses the border to the page: plain data, camelCase, no secret ever on the way out.
//!
//! Ids are strings. Times are RFC 3339. Byte counts are numbers (exact up to 9 PB). `Option` is an explicit `null`.

mod account;
mod app;
mod browse;
mod error;
mod event;
mod history;
mod image;
mod login;
mod note;
mod profile;
mod run;

pub use account::{
    Account, AccountDraft, Certificate, CheckReport, CheckStep, FailedTest, TestRequest,
    TrustOffer, Trusted,
};
pub use app::{
    AppInfo, ById, FileKind, Folder, FolderRequest, KeyringStatus, NotificationSettings,
    PassphraseRequest, PickRequest, Settings,
};
pub use browse::{
    BrowseEntry, BrowsePage, BrowseRequest, ByHost, ByToken, DropName, KeptName, MoreRequest,
    NamesRequest, TypedName,
};
pub use error::ApiError;
pub use event::AppEvent;
pub use history::{
    HistoryDetail, HistoryPage, HistoryRequest, HistoryRun, LogLine, LogPage, LogRequest,
};
pub use image::{DetailsRequest, ImageDetails, ImageLayer, ImagePart, ImageReferrer};
pub use login::{FindRequest, FoundLogin, FoundLogins, Pick, TakeRequest, Taken};
pub use note::Note;
pub use profile::{
    Demo, ExportReport, ExportRequest, ImportReport, ImportRequest, LastRun, PlatformsDraft,
    Preview, PreviewPair, PreviewRequest, Profile, ProfileSummary, RenameRequest,
    RepositoriesDraft, RuleDraft, RuleProblem, TagsDraft,
};
pub use run::{
    ByProfile, ExportFormat, LimitsRequest, PartsRequest, PickedImage, ReportRequest, RetryRequest,
    RunInfo, StartRequest, VerifyProblem, VerifyReport,
};

pub use engine::{Phase, Update};
