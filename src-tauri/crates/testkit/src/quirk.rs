//! The ways of registries out there, one switch each. A registry without quirks follows the OCI distribution spec
//! 1.1. A new quirk is a variant here and one arm where it shows: in `before.rs` when it answers in the registry's
//! place, in `after.rs` when it changes the registry's answer, else in the handler that behaves differently.

use std::time::Duration;

/// The API that a vendor has besides its registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VendorApi {
    /// `/hub.docker.com/v2/`, as at that host.
    DockerHub,
    /// `/api/v1/`
    Quay,
    /// `/api/v2.0/`
    Harbor,
    /// `/acr/v1/`
    Azure,
    /// `/api/v4/`
    GitLab,
    /// `/artifactory/api/`
    Artifactory,
    /// `/ecr/`, as at `api.ecr.<region>.amazonaws.com`.
    Ecr,
    /// `/acs/`, as at `cr.<region>.aliyuncs.com`: the Enterprise edition's.
    AliyunEnterprise,
    /// The same place: the Personal edition's.
    AliyunPersonal,
}

/// One way in which a registry differs from the spec's plain reading.
#[derive(Clone, Debug, PartialEq)]
pub enum Quirk {
    // ---- who asks -----------------------------------------------------------------------------------------------
    /// Only `/v2/` answers with a challenge; other requests get a bare 401.
    ChallengeOnlyOnPing,
    /// Challenges name a scope only on these methods (none: never).
    ChallengeScopeOn(Vec<String>),
    /// Scopes in challenges come in an order that changes from one to the next: `push,pull` (`distribution` 2.8).
    ScopeOrderChanges,
    /// Challenges are these header values, word for word; `{realm}`, `{service}` and `{scope}` are filled in.
    Challenges(Vec<String>),
    /// Tokens carry only the first scope that was asked for.
    FirstScopeOnly,
    /// Tokens never carry `push` unless the challenge that asked for it was an `insufficient_scope`: the first token
    /// for a repository only pulls.
    FirstTokenPulls,
    /// A token for another repository is answered with 403, not 401.
    ForeignScopeDenied,
    /// Tag lists need the action `metadata_read` (Azure).
    TagsNeedMetadataRead,
    /// The token endpoint answers 400 when a scope asks for `delete` (Quay).
    DeleteScopeRefused,
    /// Tokens grow by so many bytes per scope.
    TokenPadding(usize),
    /// Requests with a longer `Authorization` are answered with this status (431, 400).
    AuthorizationLimit(usize, u16),
    /// The token is looked at only when the body has been read, as by proxies that buffer.
    AuthAfterBody,
    /// `realm` in challenges, word for word.
    Realm(String),

    /// It has a vendor's own API too, emulated from its documentation.
    Api(VendorApi),
    /// That API gives its first page whatever page is asked for, and always says that there are more.
    ApiRepeats,
    /// Lists of tags have a map of manifests with digests, sizes and times, and the names of what is below (Google).
    ExtendedTags,
    /// Tokens are JSON web tokens that say what they allow.
    TokensTell,

    // ---- transport ----------------------------------------------------------------------------------------------
    /// Blobs are redirected.
    RedirectBlobs(Redirect),
    /// Manifests are redirected.
    RedirectManifests(Redirect),
    /// `GET` of a blob treats `Range` in its own way.
    Range(RangeForm),
    /// Blobs and manifests are compressed on the way unless `Accept-Encoding` is `identity`.
    Gzip,
    /// Answers carry no `Content-Length` and are sent in chunks.
    ChunkedAnswers,
    /// Not a registry: 200 and a page in HTML for everything.
    Html,
    /// Not a registry: everything is redirected to this address.
    CaptivePortal(String),
    /// Everything lives below this path (`/artifactory/api/docker/key`).
    PathPrefix(String),
    /// A body of an upload that moves nothing for this long is hung up on.
    UploadIdleLimit(Duration),
    /// Requests with a larger body than this are answered with 413 before the body is read (nginx, Cloudflare).
    BodyLimit(u64),
    /// Every connection is closed after so many answers.
    RequestsPerConnection(usize),
    /// Every answer has this `Warning` header.
    Warning(String),
    /// The answer to `/v2/` lacks `Docker-Distribution-API-Version`.
    PingWithoutVersion,

    // ---- manifests ----------------------------------------------------------------------------------------------
    /// A manifest whose type `Accept` does not list is not found, as `distribution` 2.8 does it: lists turn into their
    /// linux/amd64 entry, OCI types into a 404.
    AcceptHonoured,
    /// Only the first `Accept` header is read, up to its first comma.
    FirstAcceptOnly,
    /// Docker schema 2 is turned into schema 1 unless `Accept` lists it.
    ConvertsToSchema1,
    /// `HEAD` of a manifest is answered with this status.
    ManifestHead(u16),
    /// Manifest answers lack `Docker-Content-Digest`: on `HEAD` only, or on every method.
    NoDigestHeader(On),
    /// `Docker-Content-Digest` of manifests is wrong: on `HEAD` only, or on every method.
    WrongDigestHeader(On),
    /// `Content-Type` of manifests, word for word; an empty one is left out.
    ManifestType(String),
    /// A manifest that is absent is answered with this status (403, 401).
    AbsentManifest(u16),
    /// A manifest PUT is answered with this status (200, 202).
    ManifestPutStatus(u16),
    /// The answer to a manifest PUT lacks `Location` and `Docker-Content-Digest` (ECR).
    ManifestPutBare,
    /// A manifest PUT must have the field `mediaType` (ECR).
    MediaTypeRequired,
    /// Layers must be compressed and of known types (Quay).
    KnownLayersOnly,
    /// Only image manifests and indexes of OCI and Docker are taken.
    KnownManifestsOnly,
    /// Manifests whose config is `application/vnd.oci.empty.v1+json` are denied (Aliyun).
    EmptyConfigDenied,
    /// An index is taken although its manifests are absent.
    SparseIndexes,
    /// Nothing that a manifest names must be there.
    UncheckedManifests,
    /// A blob counts as present for manifests this long after it was uploaded.
    BlobLag(Duration),
    /// The largest manifest (4 MiB unless said otherwise).
    ManifestLimit(usize),
    /// A tag that exists with another digest is refused with this status (400, 409, 412).
    ImmutableTags(u16),
    /// Schema 1 is taken (else refused, as everywhere today).
    Schema1Accepted,
    /// Docker's media types are refused with 415 (zot).
    DockerTypesRefused,
    /// A manifest PUT by digest tags it with `?tag=`, and says so in `OCI-Tag` (a draft of the spec; olareg).
    TagParameter,
    /// SHA-512 is unknown.
    Sha256Only,

    // ---- uploads ------------------------------------------------------------------------------------------------
    /// An upload's POST without `Content-Length` is answered with 411.
    LengthRequired,
    /// Chunked transfer encoding is answered with this status (400, 411).
    ChunkedRefused(u16),
    /// A PUT that carries bytes is answered with this status (400, 405): PATCH is needed.
    PutBodyRefused(u16),
    /// A PUT that carries more bytes than this is answered with 413, before they are read; PATCH is not limited.
    PutLimit(u64),
    /// PATCH is answered with this status (405, 416).
    PatchRefused(u16),
    /// A PATCH with `Content-Range` and more bytes than this is answered with 416 (GHCR).
    ContentRangeLimit(u64),
    /// Every PATCH after the first overwrites what is there.
    PatchOverwrites,
    /// A second PATCH is refused with 416: one chunk must hold all.
    SinglePatch,
    /// `OCI-Chunk-Min-Length` is told, and smaller chunks but the last are refused.
    ChunkMin(u64),
    /// `OCI-Chunk-Min-Length` is told, word for word, and not enforced.
    ChunkMinClaimed(String),
    /// Smaller chunks but the last are refused with 400, unannounced (S3).
    SmallChunksRefused(u64),
    /// A larger PATCH is refused with 413, unannounced.
    ChunkMax(u64),
    /// PATCH is answered with this status (201: ECR).
    PatchStatus(u16),
    /// `Range` in answers about uploads.
    UploadRange(UploadRange),
    /// `GET` of an upload's status is answered with this status (404, 405, 401).
    StatusRefused(u16),
    /// The upload's address carries the offset, and an older address is refused with 404 for every request
    /// (`distribution` 2.8: an upload that broke off can't be resumed).
    StateHasOffset,
    /// PATCH does not look at `Content-Range` (`distribution` 2.8).
    ContentRangeIgnored,
    /// What a broken request brought is lost.
    BrokenUploadLost,
    /// A finished upload is answered with this status (204, 202).
    FinishStatus(u16),
    /// A finished upload's `Location`, word for word; an empty one is left out.
    FinishLocation(String),
    /// Finishing an upload of a blob that is there is answered with this status (409, 400).
    DuplicateBlob(u16),
    /// `POST ?digest=` with the blob as its body; without this, 202 and an upload, the body ignored (`distribution`).
    SinglePost(SinglePost),
    /// An empty blob is refused.
    EmptyBlobRefused,
    /// The form of `Location` in answers about uploads.
    Location(LocationForm),

    // ---- blobs --------------------------------------------------------------------------------------------------
    /// `HEAD` of a blob is answered with this status.
    BlobHead(u16),
    /// `HEAD` of a blob lacks `Content-Length`.
    BlobHeadWithoutLength,
    /// A blob that is absent is answered with this status (403).
    AbsentBlob(u16),

    // ---- mounts -------------------------------------------------------------------------------------------------
    /// Mounts are never done: 202 and an upload (GAR).
    NeverMounts,
    /// Mounts are refused with this status.
    MountRefused(u16),
    /// Only blobs that a manifest in the `from` repository names are mounted (ECR).
    MountsCommittedOnly,
    /// A mount is answered with 201, but the blob is not there.
    MountLies,
    /// A mount from a repository that is unknown is answered with this status (Harbor 401, Hub 400).
    MountFromUnknown(u16),
    /// A mount without `from`: refused with this status (Quay 400), or with 201 done from any repository.
    MountWithoutFrom(u16),

    // ---- lists --------------------------------------------------------------------------------------------------
    /// Tag lists come whole and in no order (`distribution` 2.8).
    TagsUnpaged,
    /// Lists are paged by this number when `n` is missing or larger.
    PageSize(usize),
    /// `n` above this is answered with this status (400, 405).
    PageLimit(usize, u16),
    /// The form of `Link`.
    Link(LinkForm),
    /// Lists end at this many entries, and nothing tells that there are more.
    TruncatesWithoutLink(usize),
    /// What a tag list looks like.
    Tags(TagsForm),
    /// Tag lists are answered with this status when the repository is unknown (403).
    AbsentTags(u16),
    /// `_catalog` is answered with this status (404, 401, 405).
    CatalogRefused(u16),

    // ---- limits and refusals ------------------------------------------------------------------------------------
    /// Requests that write are answered with 405.
    ReadOnly,
    /// More bytes than this over all repositories are denied.
    Quota(u64),
    /// So many requests of a kind per second, with a burst of as many; then 429 with `Retry-After: 1`.
    RateLimit(crate::Kind, u32),
    /// Docker Hub's headers: so many manifest GETs per window of so many seconds, then 429.
    HubLimit(u32, u32),
    /// Repositories must have been created with [`crate::Registry::create_repository`]; else 404.
    RepositoriesMustExist,
    /// The first component of a repository's name (project, namespace) must have been created: nobody may push where
    /// there is none.
    NamespacesMustExist,
    /// Names have at least and at most so many components; others are answered with 400.
    PathDepth(usize, usize),
    /// Deletes are answered with this status.
    DeleteRefused(u16),
    /// Deletes by tag are answered with this status (400, 405); those by digest work.
    DeleteTagRefused(u16),

    // ---- referrers ----------------------------------------------------------------------------------------------
    /// There is no referrers API: this status, and no `OCI-Subject` (404, 405, 501).
    NoReferrers(u16),
    /// The referrers API answers 200 with something that is no index.
    ReferrersNotIndex,
    /// `OCI-Subject` is missing although referrers work.
    NoSubjectHeader,
    /// `artifactType` does not filter, and `OCI-Filters-Applied` is missing.
    NoReferrersFilter,
}

/// Where an answer's header is odd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// On `HEAD` only.
    Head,
    /// On `GET` and `HEAD`.
    Every,
}

/// Where and how a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// 302, 307...
    pub status: u16,
    /// Where to.
    pub to: RedirectTo,
    /// Whether `HEAD` is redirected too.
    pub heads: bool,
}

/// Where a redirect leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectTo {
    /// The registry's storage host, at a signed address.
    Storage,
    /// The same path and query below this address (another registry, a link-local host, plain HTTP).
    Base(String),
    /// This address.
    Address(String),
}

impl Redirect {
    /// To the registry's storage host: 307, `HEAD` answered in place.
    pub fn storage() -> Self {
        Self { status: 307, to: RedirectTo::Storage, heads: false }
    }

    /// To the same path below another address: 307, `HEAD` too.
    pub fn base(address: impl Into<String>) -> Self {
        Self { status: 307, to: RedirectTo::Base(address.into()), heads: true }
    }

    /// To an address: 307, `HEAD` too.
    pub fn address(address: impl Into<String>) -> Self {
        Self { status: 307, to: RedirectTo::Address(address.into()), heads: true }
    }

    /// With this status.
    pub fn status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// `HEAD` is redirected too.
    pub fn with_heads(mut self) -> Self {
        self.heads = true;
        self
    }
}

/// How `Range` is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeForm {
    /// Not at all: 200 and the whole blob.
    Ignored,
    /// 206, but from a start that is off by so many bytes; `Content-Range` tells the truth.
    WrongStart(i64),
    /// 206 from a start that is off by so many bytes, while `Content-Range` claims the one asked for.
    LyingStart(i64),
    /// 206 without `Content-Range`.
    NoContentRange,
    /// 416.
    Refused,
}

/// How `Range` tells the progress of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UploadRange {
    /// `bytes=0-99`
    BytesEquals,
    /// `bytes 0-99`
    BytesSpace,
    /// Not at all.
    Missing,
    /// Stuck at the end of the first chunk, though all is stored (ECR).
    FirstChunk,
    /// The last chunk alone, counted from 0 (Aliyun DevOps).
    LastChunk,
    /// So many bytes less than were taken; the rest is lost (zot).
    Short(u64),
}

/// What `POST ?digest=` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinglePost {
    /// 201: the blob is stored.
    Taken,
    /// 202 and an upload, the body ignored.
    Ignored,
    /// This status (Harbor 405, 400).
    Refused(u16),
}

/// The form of an upload's `Location`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LocationForm {
    /// `/v2/...?_state=`
    Path,
    /// `<session>?_state=`, relative to the request.
    Relative,
    /// `//host/v2/...`
    SchemeLess,
    /// `http://` although the registry speaks TLS.
    Http,
    /// `http://` or `https://` as it is, without the port.
    NoPort,
    /// At the registry's storage host, which takes uploads without authorization only.
    Storage,
    /// At this host.
    Host(String),
    /// Without a query: the state is in the path's session alone.
    NoQuery,
    /// Left out.
    Missing,
    /// This, word for word.
    Verbatim(String),
}

/// The form of `Link`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkForm {
    /// `<http://host/v2/...>; rel="next"`
    Absolute,
    /// `<http://...>` although the registry speaks TLS.
    Http,
    /// `<?n=..&last=..>`, relative to the request.
    QueryOnly,
    /// `rel=next`
    UnquotedRel,
    /// Other links before and after it, in one header.
    Several,
    /// Other links in headers of their own before it.
    SeveralHeaders,
    /// `rel` comes after other parameters.
    ParametersFirst,
    /// No `<` and `>`.
    NoBrackets,
    /// Leads to the page that it is on.
    Loop,
    /// Leads to this host.
    Host(String),
    /// The last page has one too, and the page behind it is the last again.
    LastRepeats,
    /// This, word for word.
    Verbatim(String),
}

/// What a tag list looks like.
#[derive(Clone, Debug, PartialEq)]
pub enum TagsForm {
    /// `"tags": null`
    Null,
    /// No `tags` at all.
    Missing,
    /// These entries come besides the tags: `null`, digests, tags that are none.
    Besides(Vec<serde_json::Value>),
    /// 200 with `errors`.
    Errors,
}
