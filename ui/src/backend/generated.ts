// Generated from Rust (crate `api`). Not to be edited:
// `UPDATE_TYPES=1 cargo test -p api --test typescript` writes it anew.

/**
 * An account, without its secret.
 */
export type Account = {
/**
 * The id.
 */
id: string,
/**
 * What the user calls it.
 */
name: string,
/**
 * `host[:port]` or `host/namespace`.
 */
address: string,
/**
 * The user name; empty for anonymous access.
 */
username: string,
/**
 * The vendor's id, such as `ecr`; empty where the registry is like any other.
 */
provider: string,
/**
 * What the provider must know besides: a region, a role.
 */
settings: { [key in string]: string },
/**
 * What the secret is: `password`, `identity-token`, `bearer`, or a provider's own word.
 */
secretKind: string,
/**
 * Whether there is a secret for it.
 */
hasSecret: boolean,
/**
 * `keyring`, `memory`, `file` or `linked`; `none` without a secret.
 */
secretIn: string,
/**
 * Who is asked for the secret each time, where it is `linked`.
 */
link: string | null,
/**
 * The certificate is not verified, plain HTTP is allowed.
 */
insecure: boolean,
/**
 * Plain HTTP is spoken at once.
 */
plainHttp: boolean,
/**
 * A CA file to trust for it.
 */
caFile: string | null,
/**
 * A certificate that is trusted for it.
 */
trusted: Trusted | null,
/**
 * A file with the client's certificate.
 */
clientCert: string | null,
/**
 * A file with its key.
 */
clientKey: string | null,
/**
 * A proxy for it, without its password.
 */
proxy: string | null,
/**
 * Whether there is a password for the proxy.
 */
hasProxyPassword: boolean,
/**
 * Mirrors, `host[:port][/prefix]`.
 */
mirrors: Array<string>,
/**
 * The most requests in flight.
 */
limit: number | null,
/**
 * Whether repositories that must exist before the first push are created.
 */
creates: boolean,
/**
 * Where the vendor's API is, where its name and provider don't tell.
 */
api: string | null,
/**
 * What stands before `/v2/` in the registry's addresses.
 */
pathPrefix: string | null,
/**
 * When *Test connection* last passed.
 */
verifiedAt: string | null,
/**
 * What it failed at, if the last one did not pass.
 */
failed: FailedTest | null, };

/**
 * An account as it is added or changed. The secret goes in only.
 */
export type AccountDraft = {
/**
 * The id when one is changed.
 */
id: string | null,
/**
 * What the user calls it; the address when empty.
 */
name: string,
/**
 * `host[:port]` or `host/namespace`; `https://` and a pasted `docker login …` line are understood too.
 */
address: string,
/**
 * The user name; empty for anonymous access.
 */
username: string,
/**
 * The secret; `null` keeps the one that is stored.
 */
secret: string | null,
/**
 * A file that holds the secret, instead of `secret`: one that the user has picked in this session.
 */
secretFile: string | null,
/**
 * The certificate is not verified, plain HTTP is allowed.
 */
insecure: boolean,
/**
 * A CA file to trust for it.
 */
caFile: string | null,
/**
 * The vendor's id; empty where the registry is like any other.
 */
provider: string,
/**
 * What the provider must know besides.
 */
settings: { [key in string]: string },
/**
 * What the secret is; `password` when empty.
 */
secretKind: string,
/**
 * Plain HTTP is spoken at once.
 */
plainHttp: boolean,
/**
 * A certificate to trust for it.
 */
trusted: Trusted | null,
/**
 * A file with the client's certificate.
 */
clientCert: string | null,
/**
 * A file with its key.
 */
clientKey: string | null,
/**
 * A proxy for it. A password in it goes in only; without one, that of the same proxy is kept.
 */
proxy: string | null,
/**
 * Mirrors, `host[:port][/prefix]`.
 */
mirrors: Array<string>,
/**
 * The most requests in flight.
 */
limit: number | null,
/**
 * Whether repositories that must exist before the first push are created, as the account's file says how; `null`
 * leaves it as it is.
 */
creates: boolean | null,
/**
 * Where the vendor's API is; empty takes it away, `null` leaves it as it is where the registry stays the same.
 */
api: string | null,
/**
 * What stands before `/v2/`; likewise.
 */
pathPrefix: string | null, };

/**
 * What a run does, or would do, with an image.
 */
export type Action = "copy" | "skip" | "overwrite" | "conflict" | "blocked";

/**
 * An address with named holes: `{account}.dkr.ecr.{region}.amazonaws.com`.
 */
export type AddressTemplate = {
/**
 * The address.
 */
template: string,
/**
 * The names of its holes, in their order.
 */
holes: Array<string>,
/**
 * When it is the one, where there are several.
 */
note: ProviderText | null, };

/**
 * Something went wrong. The page shows a title and a remedy by `code`, from its own catalogue.
 */
export type ApiError = {
/**
 * A stable code, `auth.rejected`.
 */
code: string,
/**
 * One sentence in English with all particulars, for *Details*.
 */
message: string,
/**
 * What to do, English, one sentence a line; may be empty.
 */
hint: string,
/**
 * Values for the catalogue's text: `host`, `repo`, `tag`, `line`, …
 */
params: { [key in string]: string },
/**
 * The particulars where they can be told in the language in use too, one by one.
 */
notes: Array<Note>, };

/**
 * What the page is told without asking, over one channel.
 */
export type AppEvent = { "type": "run",
/**
 * Which.
 */
run: RunInfo, } | { "type": "update",
/**
 * Which run.
 */
runId: string,
/**
 * What changed.
 */
update: Update, } | { "type": "history", } | { "type": "check",
/**
 * The token that the page gave to the test.
 */
token: string,
/**
 * The step.
 */
step: CheckStep, } | { "type": "keyring",
/**
 * Its state now.
 */
status: KeyringStatus, } | { "type": "show",
/**
 * `run`, `accounts` or `home`.
 */
target: string,
/**
 * Which run.
 */
id: string | null, };

/**
 * What the page must know at its start.
 */
export type AppInfo = {
/**
 * The version.
 */
version: string,
/**
 * The language of the system, `zh-CN`.
 */
locale: string,
/**
 * Whether the app was started to show the demo (`make run`).
 */
demo: boolean,
/**
 * Where the app's files are.
 */
configDir: string,
/**
 * What was wrong with the app's own files at its start; the broken ones were kept aside.
 */
problems: Array<ApiError>, };

/**
 * One blob of an image.
 */
export type BlobPart = {
/**
 * Its digest.
 */
digest: string,
/**
 * Whether it configures the image; else it is a layer, or an artifact's content.
 */
config: boolean,
/**
 * Bytes.
 */
size: number,
/**
 * How far it has got.
 */
status: BlobStatus,
/**
 * Bytes sent and not yet confirmed.
 */
inFlight: number, };

/**
 * How far a blob has got.
 */
export type BlobStatus = "waiting" | "shared" | "uploading" | "copied" | "mounted" | "present" | "failed";

/**
 * A namespace, repository or tag. What the registry's list does not tell is `null`.
 */
export type BrowseEntry = {
/**
 * The whole path within the registry, or the tag. As the registry gives it: it may be anything.
 */
name: string,
/**
 * `namespace`, `repository`, `either` (it may be both), `tag`.
 */
kind: string,
/**
 * Whether it can be named in a reference.
 */
usable: boolean,
/**
 * How many repositories, tags or artifacts are below it.
 */
count: number | null,
/**
 * Bytes, compressed.
 */
size: number | null,
/**
 * When it was made.
 */
created: string | null,
/**
 * When something was last pushed.
 */
updated: string | null,
/**
 * Of a tag: the digest that it names.
 */
digest: string | null,
/**
 * Of a tag: the media type of what it names.
 */
mediaType: string | null,
/**
 * Of a tag: its platforms, `linux/amd64`.
 */
platforms: Array<string>,
/**
 * Whether everyone may pull.
 */
public: boolean | null,
/**
 * Of a tag: whether there is a signature.
 */
signed: boolean | null, };

/**
 * A list, or a page of it.
 */
export type BrowsePage = {
/**
 * The list's id, for more of it.
 */
listId: string,
/**
 * How many entries come before these.
 */
from: number,
/**
 * The entries.
 */
entries: Array<BrowseEntry>,
/**
 * Whether there may be more.
 */
more: boolean,
/**
 * When the registry was asked.
 */
fetchedAt: string, };

/**
 * Which list to open: what is at the top of a registry, below a namespace of it, or the tags of a repository.
 */
export type BrowseRequest = {
/**
 * What the page calls this request, to give it up by.
 */
token: string,
/**
 * The account to look with; `null` for whichever fits, or none.
 */
accountId: string | null,
/**
 * `host[:port]`
 */
host: string,
/**
 * The namespace to look into.
 */
namespace: string | null,
/**
 * The repository whose tags are wanted.
 */
repository: string | null,
/**
 * Whether it is read anew although it is known.
 */
refresh: boolean, };

/**
 * What names a registry.
 */
export type ByHost = {
/**
 * `host[:port]`
 */
host: string, };

/**
 * What names one thing: an account, a profile, a run.
 */
export type ById = {
/**
 * Its id.
 */
id: string, };

/**
 * What names a profile to run.
 */
export type ByProfile = {
/**
 * The profile's id.
 */
profileId: string, };

/**
 * What names a request that is under way.
 */
export type ByToken = {
/**
 * Its token.
 */
token: string, };

/**
 * A certificate, as far as it can be read.
 */
export type Certificate = {
/**
 * Whom it is for.
 */
subject: string,
/**
 * Who signed it.
 */
issuer: string,
/**
 * When it runs out.
 */
notAfter: string | null,
/**
 * Its SHA-256 fingerprint.
 */
sha256: string, };

/**
 * *Test connection*: the whole.
 */
export type CheckReport = {
/**
 * Whether an image could be read or written with this account.
 */
passed: boolean,
/**
 * The steps in their order.
 */
steps: Array<CheckStep>, };

/**
 * *Test connection*: one line of the check list.
 */
export type CheckStep = {
/**
 * `dns`, `tcp`, `tls`, `registry`, `login`, `catalog`, `pull`, `push`.
 */
step: string,
/**
 * `passed`, `failed`, `warning` (works, worth knowing), `skipped`.
 */
state: string,
/**
 * Milliseconds.
 */
millis: number,
/**
 * What was found, English: address, issuer and expiry, …
 */
detail: string,
/**
 * What the detail says, as a word that stays: `proxied`, `plain`, `unverified`, `wants-login`, `anonymous`, `empty`,
 * `no-repository`, `no-tags`, `found`, `opened`.
 */
note: string | null,
/**
 * At `tls`: the server's certificate.
 */
certificate: Certificate | null,
/**
 * Why it failed.
 */
error: ApiError | null,
/**
 * At `tls`: what the server has shown and could be trusted.
 */
trust: TrustOffer | null, };

/**
 * The demo's two registries.
 */
export type Demo = {
/**
 * `127.0.0.1:port` of the source.
 */
source: string,
/**
 * `127.0.0.1:port` of the destination.
 */
destination: string,
/**
 * The profile that copies from one to the other.
 */
profileId: string, };

/**
 * Which image to look into.
 */
export type DetailsRequest = {
/**
 * What the page calls this request, to give it up by.
 */
token: string,
/**
 * The account to look with; `null` for whichever fits, or none.
 */
accountId: string | null,
/**
 * The image's reference.
 */
reference: string,
/**
 * Whether it is read anew although it is known.
 */
refresh: boolean, };

/**
 * A repository that is not wanted any more.
 */
export type DropName = {
/**
 * `host[:port]`
 */
host: string,
/**
 * The repository.
 */
repository: string, };

/**
 * The form of a report.
 */
export type ExportFormat = "json" | "csv" | "markdown" | "junit";

/**
 * What an images file says of a profile, and what it can't.
 */
export type ExportReport = {
/**
 * The file.
 */
text: string,
/**
 * How many rules are in it.
 */
taken: number,
/**
 * Of how many.
 */
of: number,
/**
 * What is not in it, or means less there.
 */
notes: Array<Sentence>,
/**
 * Where it was saved, if it was.
 */
path: string | null, };

/**
 * A profile as an images file of the original image-syncer.
 */
export type ExportRequest = {
/**
 * Which.
 */
id: string,
/**
 * Whether it is saved, where the user says; it is only shown otherwise.
 */
save: boolean, };

/**
 * A *Test connection* that did not pass.
 */
export type FailedTest = {
/**
 * When.
 */
at: string,
/**
 * The step that failed.
 */
step: string,
/**
 * The error's code.
 */
code: string, };

/**
 * Why an image failed: a stable code, a sentence, and what to do.
 */
export type Failure = {
/**
 * The stable code.
 */
code: string,
/**
 * What failed, on which registry, reference and side, after how many tries and how long.
 */
message: string,
/**
 * What to do, one sentence a line.
 */
hint: string,
/**
 * Whom it hit, for the page's texts: `host`, `reference`, `side`, as far as they are known. Not in reports, whose
 * message tells it.
 */
params?: { [key in string]: string }, };

/**
 * What kind of file the system's dialog offers.
 */
export type FileKind = "images" | "auth" | "ca" | "identity" | "secret";

/**
 * Where logins are looked for.
 */
export type FindRequest = {
/**
 * Whether docker's and podman's files and helpers are looked at.
 */
machine: boolean,
/**
 * The original image-syncer's auth file.
 */
auth: string | null, };

/**
 * A folder of the app.
 */
export type Folder = "config" | "data";

/**
 * Which folder to open.
 */
export type FolderRequest = {
/**
 * The folder.
 */
folder: Folder, };

/**
 * A login that was found on this machine, without its secret.
 */
export type FoundLogin = {
/**
 * Names it among the others.
 */
key: string,
/**
 * `host[:port]` or `host/namespace`.
 */
address: string,
/**
 * The user name, where it is known.
 */
username: string | null,
/**
 * The file or helper that has it.
 */
source: string,
/**
 * Whether it can be linked: asked for each time instead of being copied.
 */
canLink: boolean,
/**
 * The name of the account that is the same already.
 */
known: string | null, };

/**
 * What was found, and what could not be looked at.
 */
export type FoundLogins = {
/**
 * The logins.
 */
found: Array<FoundLogin>,
/**
 * Files that can't be read, helpers that fail.
 */
problems: Array<ApiError>, };

/**
 * A run with its grid as it was in the end.
 */
export type HistoryDetail = {
/**
 * The run.
 */
run: HistoryRun,
/**
 * The grid.
 */
snapshot: Snapshot, };

/**
 * Runs that have ended, newest first.
 */
export type HistoryPage = {
/**
 * The runs.
 */
runs: Array<HistoryRun>,
/**
 * Whether there are older ones.
 */
more: boolean, };

/**
 * Which runs are wanted.
 */
export type HistoryRequest = {
/**
 * Those older than the run with this id; `null` for the newest.
 */
before: string | null,
/**
 * So many at most.
 */
limit: number,
/**
 * Those of this profile; `null` for all.
 */
profileId: string | null, };

/**
 * A run that has ended, in this session or before, by the app or the command line.
 */
export type HistoryRun = {
/**
 * The id.
 */
id: string,
/**
 * The profile, which may have been removed since.
 */
profileId: string,
/**
 * The name that it had.
 */
profileName: string,
/**
 * When it began.
 */
startedAt: string,
/**
 * When it ended; `null` where nobody saw that.
 */
endedAt: string | null,
/**
 * `app` or `command`.
 */
startedBy: string,
/**
 * `succeeded`, `warnings`, `partly-failed`, `failed`, `cancelled`, `interrupted`.
 */
result: string,
/**
 * The sums.
 */
totals: Totals,
/**
 * The run whose images it copied again, or that it took up.
 */
retryOf: string | null, };

/**
 * What an image is made of.
 */
export type ImageDetails = {
/**
 * The account that it was looked at with.
 */
accountId: string | null,
/**
 * Its reference, in full.
 */
reference: string,
/**
 * The digest of its manifest or index.
 */
digest: string,
/**
 * The media type of that.
 */
mediaType: string,
/**
 * `index`, `image`, `artifact`, `schema1`.
 */
kind: string,
/**
 * Of an artifact.
 */
artifactType: string | null,
/**
 * Bytes of all its different blobs, compressed.
 */
size: number | null,
/**
 * Whether a signature refers to it.
 */
signed: boolean,
/**
 * Annotations of the manifest or index.
 */
annotations: { [key in string]: string },
/**
 * The images of an index; the one image otherwise.
 */
images: Array<ImagePart>,
/**
 * What refers to it.
 */
referrers: Array<ImageReferrer>,
/**
 * What could not be found out.
 */
warnings: Array<Sentence>,
/**
 * When the registry was asked.
 */
fetchedAt: string, };

/**
 * A layer.
 */
export type ImageLayer = {
/**
 * Its digest.
 */
digest: string,
/**
 * Its media type.
 */
mediaType: string | null,
/**
 * Bytes, compressed.
 */
size: number | null, };

/**
 * One image of an index.
 */
export type ImagePart = {
/**
 * Its digest.
 */
digest: string,
/**
 * Its media type.
 */
mediaType: string,
/**
 * `linux/amd64`
 */
platform: string | null,
/**
 * Whether it is an attestation.
 */
attestation: boolean,
/**
 * Bytes of config and layers, compressed.
 */
size: number | null,
/**
 * When it was made.
 */
created: string | null,
/**
 * Its layers.
 */
layers: Array<ImageLayer>, };

/**
 * What an image is made of.
 */
export type ImageParts = {
/**
 * Its manifests, the root first.
 */
manifests: Array<ManifestPart>,
/**
 * Every blob once, by digest.
 */
blobs: Array<BlobPart>, };

/**
 * Something that refers to an image.
 */
export type ImageReferrer = {
/**
 * Its digest.
 */
digest: string,
/**
 * What it is.
 */
artifactType: string,
/**
 * The tag that it is found by, if so.
 */
tag: string | null, };

/**
 * One row: a source image and a destination.
 */
export type ImageState = {
/**
 * Its number within the run, from 0, never reused.
 */
id: number,
/**
 * Where it stands among the others, as in the report: by rule, repository, destination and image. Rows are known in
 * whichever order registries answer.
 */
order: [number, number, number, number],
/**
 * Full reference, or the rule as written.
 */
source: string,
/**
 * Full reference, or the rule as written.
 */
destination: string,
/**
 * Where it is.
 */
status: ImageStatus,
/**
 * What is or would be done.
 */
action: Action | null,
/**
 * How much is there already, once compared.
 */
plan: Plan | null,
/**
 * Bytes of blobs that this image needs at the destination.
 */
bytesTotal: number,
/**
 * Of these: confirmed by the destination through an upload. Never goes down.
 */
bytesCopied: number,
/**
 * Of these: sent, not yet confirmed.
 */
bytesInFlight: number,
/**
 * Of these: mounted.
 */
bytesMounted: number,
/**
 * Of these: found there.
 */
bytesPresent: number,
/**
 * The digest that stands at the destination and is or would be replaced.
 */
replaces: string | null,
/**
 * With whose account it is read, in words, once that is known.
 */
sourceAccount: Sentence | null,
/**
 * With whose account it is written.
 */
destinationAccount: Sentence | null,
/**
 * Why it ended as it did, for people.
 */
reason: string | null,
/**
 * Why it failed.
 */
error: Failure | null, };

/**
 * Where an image is.
 */
export type ImageStatus = "waiting" | "resolving" | "planned" | "copying" | "copied" | "skipped" | "failed" | "cancelled";

/**
 * What an import brought.
 */
export type ImportReport = {
/**
 * The profile that was made.
 */
profile: ProfileSummary | null,
/**
 * Accounts that were made, their secrets already in the keyring.
 */
accounts: Array<Account>,
/**
 * How many rules were taken.
 */
taken: number,
/**
 * What was taken, but differently.
 */
changed: Array<Note>,
/**
 * What was not taken.
 */
refused: Array<Note>,
/**
 * What is worth knowing besides.
 */
warnings: Array<Note>, };

/**
 * Which files to import.
 */
export type ImportRequest = {
/**
 * The name of the profile to make; the one in the file, or the file's own, when empty.
 */
name: string,
/**
 * Path of the images file, or of a profile's own file.
 */
images: string,
/**
 * Path of the auth file.
 */
auth: string | null, };

/**
 * A repository that was named by hand.
 */
export type KeptName = {
/**
 * The repository.
 */
repository: string,
/**
 * Tags that were named with it.
 */
tags: Array<string>, };

/**
 * Whether secrets can be kept.
 */
export type KeyringStatus = {
/**
 * `ready`, `missing` or `locked`; `memory` when the user chose to keep secrets for this session only, `file` when
 * they chose the encrypted file.
 */
state: string,
/**
 * What to do about it on this system; `null` when `ready`.
 */
hint: Sentence | null,
/**
 * The particulars, for *Details*.
 */
detail: string,
/**
 * The encrypted file: `none`, `locked` (it waits for its passphrase) or `open`.
 */
file: string, };

/**
 * How a profile's last run ended.
 */
export type LastRun = {
/**
 * When it ended; of one that was interrupted, when it began.
 */
endedAt: string,
/**
 * Whether it was interrupted: the app or the machine went away.
 */
interrupted: boolean,
/**
 * Images copied.
 */
copied: number,
/**
 * Images skipped.
 */
skipped: number,
/**
 * Images failed.
 */
failed: number,
/**
 * Images cancelled.
 */
cancelled: number, };

/**
 * Sets the limits of a run that goes on.
 */
export type LimitsRequest = {
/**
 * The run.
 */
id: string,
/**
 * The most requests in flight to any one registry; `null` adapts.
 */
proc: number | null,
/**
 * Bytes per second over all; `null` is no limit.
 */
bandwidth: number | null, };

/**
 * A line of a run's log.
 */
export type LogLine = {
/**
 * When.
 */
at: string,
/**
 * `info`, `warning` or `error`.
 */
level: string,
/**
 * The image that it is about, by its number in the grid.
 */
image: number | null,
/**
 * What happened, English; it may have several lines.
 */
text: string, };

/**
 * Some lines of a run's log.
 */
export type LogPage = {
/**
 * The lines, oldest first.
 */
lines: Array<LogLine>,
/**
 * Whether there are more.
 */
more: boolean, };

/**
 * Which lines of a run's log are wanted.
 */
export type LogRequest = {
/**
 * The run.
 */
id: string,
/**
 * `info`, `warning` or `error`: lines that matter at least so much; `null` for all.
 */
level: string | null,
/**
 * The image that they are about; `null` for all.
 */
image: number | null,
/**
 * How many of such lines are known.
 */
from: number, };

/**
 * One manifest of an image.
 */
export type ManifestPart = {
/**
 * Its digest.
 */
digest: string,
/**
 * What it is.
 */
role: ManifestRole,
/**
 * `os/arch/variant`, where its index says so.
 */
platform: string | null,
/**
 * Bytes of the manifest itself.
 */
size: number,
/**
 * Its blobs, as numbers within [`ImageParts::blobs`].
 */
blobs: Array<number>, };

/**
 * What a manifest is within an image.
 */
export type ManifestRole = "index" | "image" | "attestation" | "referrer";

/**
 * Another page of a list.
 */
export type MoreRequest = {
/**
 * What the page calls this request, to give it up by.
 */
token: string,
/**
 * The list.
 */
listId: string,
/**
 * How many of its entries are known.
 */
from: number, };

/**
 * Names as they are typed or pasted.
 */
export type NamesRequest = {
/**
 * The registry that they are at.
 */
host: string,
/**
 * The names, one a line.
 */
text: string, };

/**
 * Something worth telling. The page writes it in the language in use.
 */
export type Note = {
/**
 * What it is.
 */
what: Sentence,
/**
 * What to do.
 */
hint: Sentence | null,
/**
 * The file that it is about.
 */
file: string | null,
/**
 * The line, from 1; `null` where the file as a whole is meant.
 */
line: number | null,
/**
 * The column, from 1.
 */
column: number | null, };

/**
 * What the desktop is told of: each `never`, `hidden` (while the window is not seen) or `always`.
 */
export type NotificationSettings = {
/**
 * A run has ended well.
 */
finished: string,
/**
 * A run has ended with failures.
 */
failed: string,
/**
 * Something waits for the user.
 */
attention: string, };

/**
 * Opens one image of a plan or run.
 */
export type PartsRequest = {
/**
 * The plan or run, of this session.
 */
id: string,
/**
 * The image's number within it.
 */
image: number, };

/**
 * Opens the encrypted file of secrets, or makes it.
 */
export type PassphraseRequest = {
/**
 * The passphrase.
 */
passphrase: string, };

/**
 * Where a run is.
 */
export type Phase = "planning" | "copying" | "verifying" | "done";

/**
 * A login to make an account of.
 */
export type Pick = {
/**
 * Its key.
 */
key: string,
/**
 * Whether it is linked instead of copied.
 */
link: boolean, };

/**
 * Which kind of file to pick.
 */
export type PickRequest = {
/**
 * The kind.
 */
kind: FileKind, };

/**
 * An image at one destination, named as a snapshot's row names it.
 */
export type PickedImage = {
/**
 * The row's source.
 */
source: string,
/**
 * The row's destination.
 */
destination: string, };

/**
 * What a run would do with an image, and how much of it is there already.
 */
export type Plan = {
/**
 * What would be done.
 */
action: Action,
/**
 * Bytes of blobs that would be moved.
 */
bytes_to_move: number,
/**
 * Bytes of blobs that the destination repository has.
 */
bytes_present: number,
/**
 * Bytes of blobs that another repository of the destination has or will have by then.
 */
bytes_mountable: number, };

/**
 * Platforms to keep: any of the operating systems with any of the architectures; all where nothing is named.
 */
export type PlatformsDraft = {
/**
 * Values of `--os`.
 */
os: Array<string>,
/**
 * Values of `--arch`.
 */
arch: Array<string>, };

/**
 * What a rule would copy.
 */
export type Preview = {
/**
 * Whether the list that decides is known.
 */
known: boolean,
/**
 * Whether it is known to its end.
 */
complete: boolean,
/**
 * How many tags match; of a rule by pattern, how many repositories.
 */
matched: number,
/**
 * Of how many that the list has; `null` where the rule needs no list.
 */
of: number | null,
/**
 * Whether repositories are counted, not tags.
 */
byRepository: boolean,
/**
 * How many pairs of source and destination there are.
 */
pairs: number,
/**
 * The first of them.
 */
first: Array<PreviewPair>,
/**
 * Bytes of the images whose size is known, each source once.
 */
bytes: number,
/**
 * Of how many images that is.
 */
sized: number,
/**
 * How many images' configs are read to find the newest by date; 0 where that is known, or is not asked for.
 */
configs: number,
/**
 * Why it can't be done, although the rule is well written: numbers of tags that do not fit.
 */
problem: ApiError | null,
/**
 * When the registry was asked.
 */
fetchedAt: string | null, };

/**
 * A source and where it goes.
 */
export type PreviewPair = {
/**
 * The image or repository, in full.
 */
source: string,
/**
 * Where it goes; empty while no destination is named.
 */
destination: string,
/**
 * Bytes of the image, where they are known.
 */
bytes: number | null,
/**
 * Why it can't go there.
 */
problem: Sentence | null, };

/**
 * What a rule would copy, as far as that can be said from lists alone.
 */
export type PreviewRequest = {
/**
 * What the page calls this request, to give it up by.
 */
token: string,
/**
 * The rule; it may be without destinations yet.
 */
rule: RuleDraft,
/**
 * The account to look with; `null` for whichever fits, or none.
 */
accountId: string | null,
/**
 * Whether the registry is asked for what no list of this session has.
 */
ask: boolean,
/**
 * Whether the dates of images are read, where they decide.
 */
dates: boolean,
/**
 * How many pairs are told at most.
 */
limit: number, };

/**
 * A profile.
 */
export type Profile = {
/**
 * The id; empty for a new one.
 */
id: string,
/**
 * The name.
 */
name: string,
/**
 * The rules.
 */
rules: Array<RuleDraft>,
/**
 * Values of `--os`.
 */
os: Array<string>,
/**
 * Values of `--arch`.
 */
arch: Array<string>,
/**
 * `never`, `differing` or `always`.
 */
overwrite: string,
/**
 * `keep`, `strip` or `auto`.
 */
attestations: string,
/**
 * What becomes of an index of which not all is wanted: `rewrite` or `sparse`.
 */
index: string,
/**
 * Whether signatures and other referrers come along.
 */
referrers: boolean,
/**
 * How often a request that failed is sent again; the usual number where it is `null`.
 */
retries: number | null,
/**
 * The most requests in flight to any one registry; it adapts where it is `null`.
 */
proc: number | null,
/**
 * The most bytes per second; no limit where it is `null`.
 */
bandwidth: number | null,
/**
 * Which account is used where several fit: its id by `host[/path]`.
 */
accounts: { [key in string]: string }, };

/**
 * A profile in the list.
 */
export type ProfileSummary = {
/**
 * The id.
 */
id: string,
/**
 * The name.
 */
name: string,
/**
 * How many rules.
 */
rules: number,
/**
 * The first rule, `source → destination`.
 */
first: string,
/**
 * Whether this is the demo's profile.
 */
demo: boolean,
/**
 * Why the file can't be read, if so.
 */
broken: ApiError | null,
/**
 * When it was last run and what came of it.
 */
lastRun: LastRun | null, };

/**
 * A kind of registry.
 */
export type Provider = {
/**
 * Its id, `ecr`.
 */
id: string,
/**
 * What it is called.
 */
name: ProviderText,
/**
 * The forms of its address, the usual one first.
 */
addresses: Array<AddressTemplate>,
/**
 * Hosts that are its own; `*` stands for any part of a name.
 */
hosts: Array<string>,
/**
 * Which user name it wants.
 */
user: ProviderText,
/**
 * The kinds of secret that it takes, the usual one first.
 */
secrets: Array<SecretKind>,
/**
 * `catalog`, `api` or `none`.
 */
listing: string,
/**
 * `nothing`, `namespace` or `repository`.
 */
mustExist: string,
/**
 * What that is called there.
 */
mustExistWhat: ProviderText | null,
/**
 * The fewest components of a repository's name.
 */
minDepth: number,
/**
 * The most, if there is a limit.
 */
maxDepth: number | null,
/**
 * The limits that it publishes.
 */
limits: Array<ProviderText>,
/**
 * Its documentation.
 */
docs: string, };

/**
 * A text in the app's languages.
 */
export type ProviderText = {
/**
 * English.
 */
en: string,
/**
 * Chinese.
 */
zh: string, };

/**
 * Reads of manifests at a source that counts them.
 */
export type Pulls = {
/**
 * The registry.
 */
registry: string,
/**
 * How many the run made; in a plan, how many a run would make.
 */
needed: number,
/**
 * How many are left.
 */
left: number,
/**
 * How many there are in each window.
 */
limit: number,
/**
 * The length of a window.
 */
window_seconds: number | null, };

/**
 * Another name for a profile.
 */
export type RenameRequest = {
/**
 * Which.
 */
id: string,
/**
 * The name.
 */
name: string, };

/**
 * Saves a run's report.
 */
export type ReportRequest = {
/**
 * The run, of this session or of the history.
 */
id: string,
/**
 * The form.
 */
format: ExportFormat, };

/**
 * What narrows the repositories of a rule by pattern.
 */
export type RepositoriesDraft = {
/**
 * Patterns of which repositories match none.
 */
exclude: Array<string>, };

/**
 * Runs again what failed in a run that has ended.
 */
export type RetryRequest = {
/**
 * The run, of this session or of the history.
 */
id: string,
/**
 * Which of its images; `null` for all that failed.
 */
images: Array<PickedImage> | null, };

/**
 * One rule as the user writes it.
 */
export type RuleDraft = {
/**
 * `quay.io/a/b:/^v1/`; `quay.io/team/**` for every repository that matches.
 */
source: string,
/**
 * `registry.example.com/x/b` or `registry.example.com/{path}`, at least one.
 */
destinations: Array<string>,
/**
 * What narrows the tags that the source selects.
 */
tags: TagsDraft,
/**
 * What narrows the repositories that the source's pattern selects.
 */
repositories: RepositoriesDraft,
/**
 * Platforms for this rule, instead of the profile's.
 */
platforms: PlatformsDraft | null, };

/**
 * What is wrong with a profile while it is typed, and where.
 */
export type RuleProblem = {
/**
 * Which rule, from 0; `null` for the profile's own fields.
 */
rule: number | null,
/**
 * `name`, `account`, `source`, `destination`, `include`, `exclude`, `versions`, `newest`, `repositories`, `os`, `arch`.
 */
field: string,
/**
 * Which of the field's items, from 0: a destination, a pattern.
 */
item: number,
/**
 * What is wrong.
 */
error: ApiError, };

/**
 * A plan or run that the app knows.
 */
export type RunInfo = {
/**
 * The id, the same in the history.
 */
id: string,
/**
 * The profile.
 */
profileId: string,
/**
 * Its name.
 */
profileName: string,
/**
 * `plan` or `run`.
 */
kind: string,
/**
 * `running`, `paused` or `ended`.
 */
state: string,
/**
 * `app` or `command`.
 */
startedBy: string,
/**
 * When it began.
 */
startedAt: string,
/**
 * When it ended.
 */
endedAt: string | null,
/**
 * The most requests in flight to any one registry; `null` adapts.
 */
proc: number | null,
/**
 * Bytes per second over all; `null` is no limit.
 */
bandwidth: number | null,
/**
 * The run whose images it copies again, or that it takes up.
 */
retryOf: string | null, };

/**
 * A kind of secret.
 */
export type SecretKind = {
/**
 * Its name, `aws-keys`.
 */
id: string,
/**
 * Whether a secret is kept for the account; else it is found on the system.
 */
isKept: boolean,
/**
 * Whether a user name goes with it.
 */
hasUser: boolean,
/**
 * Whether what it gives is renewed by itself.
 */
renews: boolean,
/**
 * The settings that it looks at, `region`, the usual ones first.
 */
settings: Array<string>, };

/**
 * A sentence, made by [`sentence!`](crate::sentence!). `Display` and dereferencing give the English text; the page
 * writes it anew by the key, from its catalogue's `say_<key>`.
 */
export type Sentence = { key: string, params: { [key in string]: string | Sentence }, text: string, };

/**
 * What the user has set.
 */
export type Settings = {
/**
 * `system`, `light`, `dark` or `contrast`.
 */
theme: string,
/**
 * `system`, `en` or `zh-CN`.
 */
language: string,
/**
 * What the desktop is told of.
 */
notifications: NotificationSettings,
/**
 * How many days ended runs are kept; `null` for ever.
 */
historyDays: number | null,
/**
 * Whether a run goes on in the tray when the window is closed.
 */
tray: boolean,
/**
 * The most requests in flight to one registry, of new runs; `null` adapts.
 */
proc: number | null,
/**
 * Bytes per second of new runs; `null` for all there is.
 */
bandwidth: number | null, };

/**
 * Everything about a run at one moment.
 */
export type Snapshot = {
/**
 * The last update that is in it.
 */
seq: number,
/**
 * The phase.
 */
phase: Phase,
/**
 * The sums.
 */
totals: Totals,
/**
 * The rows, `images[i].id == i`.
 */
images: Array<ImageState>,
/**
 * Every warning so far.
 */
warnings: Array<Sentence>,
/**
 * Reads of manifests at every source that counts them.
 */
pulls: Array<Pulls>,
/**
 * Registries that are waited for.
 */
waits: Array<Waiting>, };

/**
 * Starts to copy.
 */
export type StartRequest = {
/**
 * The profile's id.
 */
profileId: string,
/**
 * What is switched off by hand: rows that are skipped.
 */
skip: Array<PickedImage>, };

/**
 * What narrows the tags of a rule; all that is given must be met.
 */
export type TagsDraft = {
/**
 * Patterns of which tags match one: `1.*`, `/^v1/`.
 */
include: Array<string>,
/**
 * Patterns of which tags match none.
 */
exclude: Array<string>,
/**
 * A range of versions: `>=1.2, <2`.
 */
versions: string | null,
/**
 * Only the newest so many.
 */
newest: number | null,
/**
 * `version` or `created`.
 */
newestBy: string, };

/**
 * Logins to make accounts of.
 */
export type TakeRequest = {
/**
 * The auth file that they were found in besides.
 */
auth: string | null,
/**
 * Which.
 */
picks: Array<Pick>, };

/**
 * What came of it.
 */
export type Taken = {
/**
 * The accounts that were made.
 */
accounts: Array<Account>,
/**
 * Why the others were not.
 */
problems: Array<ApiError>, };

/**
 * *Test connection* of an account as it is typed.
 */
export type TestRequest = {
/**
 * What the page calls this test; its `check` events carry it.
 */
token: string,
/**
 * The account. A saved one: its id, and `secret: null` for the stored secret.
 */
draft: AccountDraft,
/**
 * A repository to try to read from and write to; nothing is tried without it.
 */
repository: string | null, };

/**
 * Sums over all rows.
 */
export type Totals = {
/**
 * Rows known so far.
 */
images: number,
/**
 * Rows compared so far.
 */
resolved: number,
/**
 * Ended: copied.
 */
copied: number,
/**
 * Ended: skipped.
 */
skipped: number,
/**
 * Ended: failed.
 */
failed: number,
/**
 * Ended: cancelled.
 */
cancelled: number,
/**
 * Rows compared so far whose tag is not at its destination.
 */
toCopy: number,
/**
 * Rows compared so far with which nothing is to be done.
 */
toSkip: number,
/**
 * Rows compared so far whose tag is at its destination with another digest and will be moved.
 */
toOverwrite: number,
/**
 * Rows compared so far that write different images to one tag.
 */
conflicts: number,
/**
 * Rows compared so far of which it is known that they can't work.
 */
blocked: number,
/**
 * Bytes that would be moved, by what is compared so far; in a run, by what has ended.
 */
bytesToMove: number,
/**
 * Bytes that would be mounted, likewise.
 */
bytesMountable: number,
/**
 * Bytes needed at the destinations by images that are compared.
 */
bytesTotal: number,
/**
 * Bytes confirmed through uploads.
 */
bytesCopied: number,
/**
 * Bytes sent, not yet confirmed.
 */
bytesInFlight: number,
/**
 * Bytes mounted.
 */
bytesMounted: number,
/**
 * Bytes found there.
 */
bytesPresent: number,
/**
 * Bytes per second over the last seconds, confirmed and in flight.
 */
bytesPerSecond: number,
/**
 * Seconds since the start.
 */
seconds: number,
/**
 * Seconds still to go, once everything is resolved and the rate is known.
 */
secondsLeft: number | null,
/**
 * Whether the run is paused.
 */
paused: boolean, };

/**
 * What a server has shown and could be trusted.
 */
export type TrustOffer = {
/**
 * The server's own certificate.
 */
certificate: Trusted,
/**
 * Its authority, where the server has shown that.
 */
ca: Trusted | null, };

/**
 * A certificate that is trusted for one account.
 */
export type Trusted = {
/**
 * `certificate`: this one and no other; `ca`: what this authority signs.
 */
kind: string,
/**
 * Its SHA-256 fingerprint.
 */
sha256: string,
/**
 * Whom it is for.
 */
subject: string,
/**
 * The authority's certificate (PEM); empty for `certificate`.
 */
pem: string, };

/**
 * A name that was typed.
 */
export type TypedName = {
/**
 * As it was typed.
 */
text: string,
/**
 * The repository that it names.
 */
repository: string | null,
/**
 * Its tag, if it has one.
 */
tag: string | null,
/**
 * Why it is none.
 */
problem: Sentence | null,
/**
 * The same as a word that stays: `elsewhere` (at another registry) or `wrong`.
 */
reason: string | null, };

/**
 * What changed since the update before.
 */
export type Update = {
/**
 * Rises by one with each update of a run. A gap means: ask for a snapshot.
 */
seq: number,
/**
 * The phase now.
 */
phase: Phase,
/**
 * The sums now.
 */
totals: Totals,
/**
 * The rows that changed, whole.
 */
images: Array<ImageState>,
/**
 * Warnings that are new.
 */
warnings: Array<Sentence>,
/**
 * Reads of manifests at every source that counts them, as they are now.
 */
pulls: Array<Pulls>,
/**
 * Registries that are waited for now.
 */
waits: Array<Waiting>, };

/**
 * An image that does not stand at its destination as the run left it.
 */
export type VerifyProblem = {
/**
 * Its source.
 */
source: string,
/**
 * Its destination.
 */
destination: string,
/**
 * What is wrong.
 */
error: ApiError, };

/**
 * What a look at the destinations of a run has found.
 */
export type VerifyReport = {
/**
 * Images that were looked at: those that the run says stand at their destinations.
 */
images: number,
/**
 * Manifests that were asked for.
 */
manifests: number,
/**
 * Blobs that were asked for.
 */
blobs: number,
/**
 * What is not as it was left.
 */
problems: Array<VerifyProblem>, };

/**
 * What a registry is waited for.
 */
export type Waiting = {
/**
 * The registry.
 */
registry: string,
/**
 * What has failed and is tried again; `rate.limited` without tries where the registry asks us to wait.
 */
code: string,
/**
 * Which try comes next, and how many there are at most.
 */
tries: [number, number] | null,
/**
 * How many requests wait.
 */
requests: number,
/**
 * When they go on, in milliseconds since 1970.
 */
until: number, };

/** Every command: what it is asked with, and what it answers. */
export interface Commands {
  /** What the page must know at its start. */
  'app.info': { request: null; answer: AppInfo };
  /** What the user has set. */
  'settings.get': { request: null; answer: Settings };
  /** Sets it. */
  'settings.set': { request: Settings; answer: Settings };
  /** Shows a notification as the end of a run would. */
  'settings.tryNotification': { request: null; answer: null };
  /** Whether secrets can be kept. Never asks the user anything. */
  'keyring.status': { request: null; answer: KeyringStatus };
  /** Tries the keyring again; the system may ask the user for its password. */
  'keyring.retry': { request: null; answer: KeyringStatus };
  /** From here on secrets live in memory until the app ends. */
  'keyring.useMemory': { request: null; answer: KeyringStatus };
  /** Opens the encrypted file of secrets, or makes it; from here on secrets are kept there. */
  'keyring.useFile': { request: PassphraseRequest; answer: KeyringStatus };
  /** Every account. */
  'accounts.list': { request: null; answer: Array<Account> };
  /** Adds an account or changes the one with the id. Its secret goes to the keyring. */
  'accounts.save': { request: AccountDraft; answer: Account };
  /** Removes an account and its secret. */
  'accounts.remove': { request: ById; answer: null };
  /** Tests the connection; steps come as `check` events too. */
  'accounts.test': { request: TestRequest; answer: CheckReport };
  /** The logins that docker, podman and an auth file have on this machine; no secret is read. */
  'accounts.find': { request: FindRequest; answer: FoundLogins };
  /** Makes accounts of them: their secrets copied from keyring to keyring, or linked. */
  'accounts.take': { request: TakeRequest; answer: Taken };
  /** Opens a list of repositories or tags: what is known of it, or its first page. */
  'browse.open': { request: BrowseRequest; answer: BrowsePage };
  /** Another page of a list. */
  'browse.more': { request: MoreRequest; answer: BrowsePage };
  /** Looks into one image. */
  'browse.details': { request: DetailsRequest; answer: ImageDetails };
  /** Nobody waits any more for the request with this token; it ends with `cancelled`. */
  'browse.cancel': { request: ByToken; answer: null };
  /** Forgets a list. */
  'browse.forget': { request: ById; answer: null };
  /** Reads names of repositories that were typed or pasted, and keeps those that are right. */
  'browse.names': { request: NamesRequest; answer: Array<TypedName> };
  /** The names that were kept for a registry. */
  'browse.kept': { request: ByHost; answer: Array<KeptName> };
  /** Forgets one of them. */
  'browse.drop': { request: DropName; answer: null };
  /** The registries that people use, in the order for the language. */
  'providers.list': { request: null; answer: Array<Provider> };
  /** Every profile, also those whose file can't be read. */
  'profiles.list': { request: null; answer: Array<ProfileSummary> };
  /** One profile. */
  'profiles.get': { request: ById; answer: Profile };
  /** What is wrong with a profile as it is typed. */
  'profiles.check': { request: Profile; answer: Array<RuleProblem> };
  /** Saves a profile; one without an id is new. */
  'profiles.save': { request: Profile; answer: Profile };
  /** What a rule would copy, from lists alone: those of this session, or asked for. */
  'profiles.preview': { request: PreviewRequest; answer: Preview };
  /** Gives a profile another name; its id stays. */
  'profiles.rename': { request: RenameRequest; answer: Profile };
  /** Makes a copy under another name. */
  'profiles.duplicate': { request: ById; answer: Profile };
  /** Removes a profile. */
  'profiles.remove': { request: ById; answer: null };
  /** Makes a profile, and accounts, from the original image-syncer's files; or a profile from a file of our own. */
  'profiles.import': { request: ImportRequest; answer: ImportReport };
  /** Saves a profile's file where the user says; the path, or `null` when they changed their mind. */
  'profiles.exportFile': { request: ById; answer: string | null };
  /** A profile as an images file of the original image-syncer, and what that can't say. */
  'profiles.exportOriginal': { request: ExportRequest; answer: ExportReport };
  /** The command line that does the same as a profile. */
  'profiles.command': { request: ById; answer: string };
  /** A path from the system's file dialog; `null` when the user changed their mind. */
  'files.pick': { request: PickRequest; answer: string | null };
  /** Opens a folder of the app in the system's file manager. */
  'files.open': { request: FolderRequest; answer: null };
  /** Compares: a run that writes nothing. */
  'runs.plan': { request: ByProfile; answer: RunInfo };
  /** Starts to copy, all but what is switched off by hand. */
  'runs.start': { request: StartRequest; answer: RunInfo };
  /** Runs again what failed, or some images, of a run that has ended. */
  'runs.retry': { request: RetryRequest; answer: RunInfo };
  /** Takes up a run that was interrupted: what is there already is skipped. */
  'runs.continue': { request: ById; answer: RunInfo };
  /** From here on no request begins and nothing is read; a `run` event tells. */
  'runs.pause': { request: ById; answer: null };
  /** Goes on. */
  'runs.resume': { request: ById; answer: null };
  /** Sets the limits of a run that goes on. */
  'runs.limits': { request: LimitsRequest; answer: null };
  /** Ends a plan or run cleanly; it is over when its `run` event says so. */
  'runs.cancel': { request: ById; answer: null };
  /** The plans and runs of this session, newest first. */
  'runs.list': { request: null; answer: Array<RunInfo> };
  /** Everything about one of them at this moment. */
  'runs.snapshot': { request: ById; answer: Snapshot };
  /** What one image of a plan or run is made of, and how far its blobs have got; `null` until it is compared. */
  'runs.parts': { request: PartsRequest; answer: ImageParts | null };
  /** Saves the report of a run that has ended where the user says; the path, or `null` when they changed their mind. */
  'runs.export': { request: ReportRequest; answer: string | null };
  /** Looks at the destinations of a run that has ended: whether every manifest and blob is there. Takes long. */
  'runs.verify': { request: ById; answer: VerifyReport };
  /** Runs that have ended, of all sessions and of the command line, newest first. */
  'history.list': { request: HistoryRequest; answer: HistoryPage };
  /** One of them with its grid. */
  'history.get': { request: ById; answer: HistoryDetail };
  /** Its log. */
  'history.log': { request: LogRequest; answer: LogPage };
  /** Forgets it. */
  'history.remove': { request: ById; answer: null };
  /** Starts the demo's two registries, once. */
  'demo.start': { request: null; answer: Demo };
}

/** Every code that an error may have. */
export const CODES = [
  'auth.required',
  'auth.rejected',
  'auth.unavailable',
  'access.pull-denied',
  'access.push-denied',
  'repo.must-exist',
  'repo.name',
  'ref.not-found',
  'catalog.unsupported',
  'manifest.schema1',
  'manifest.rejected',
  'manifest.invalid',
  'blob.not-found',
  'tag.immutable',
  'quota.exceeded',
  'registry.read-only',
  'rate.limited',
  'digest.mismatch',
  'upload.expired',
  'tls.untrusted',
  'tls.expired',
  'tls.name',
  'tls.changed',
  'tls.failed',
  'http.plain',
  'net.dns',
  'net.timeout',
  'net.reset',
  'proxy.failed',
  'registry.not-found',
  'registry.failed',
  'registry.refused',
  'redirect.refused',
  'keyring.missing',
  'keyring.locked',
  'secrets.locked',
  'secrets.passphrase',
  'helper.failed',
  'platform.none',
  'rule.conflict',
  'rule.invalid',
  'rule.empty',
  'config.invalid',
  'file.failed',
  'run.busy',
  'cancelled',
  'internal',
  'gone',
  'notify.failed',
] as const;
