// The page's only way out: one method per command of `api::commands`, and the events.

import type {
  Account,
  AccountDraft,
  ApiError,
  AppEvent,
  AppInfo,
  BrowsePage,
  BrowseRequest,
  CheckReport,
  Demo,
  DetailsRequest,
  ExportReport,
  FileKind,
  Folder,
  FoundLogins,
  HistoryDetail,
  HistoryPage,
  HistoryRequest,
  ImageDetails,
  ImageParts,
  ImportReport,
  KeptName,
  KeyringStatus,
  LimitsRequest,
  LogPage,
  LogRequest,
  MoreRequest,
  Note,
  Pick,
  Preview,
  PreviewRequest,
  PickedImage,
  Profile,
  ProfileSummary,
  Provider,
  ExportFormat,
  RuleProblem,
  RunInfo,
  Settings,
  Snapshot,
  Taken,
  TypedName,
  VerifyReport,
} from './types';

/** Every method rejects with a `Problem`. */
export interface Backend {
  appInfo(): Promise<AppInfo>;
  settingsGet(): Promise<Settings>;
  settingsSet(settings: Settings): Promise<Settings>;
  /** Shows a notification as the end of a run would. */
  settingsTryNotification(): Promise<null>;
  keyringStatus(): Promise<KeyringStatus>;
  /** Asks the system to unlock. */
  keyringRetry(): Promise<KeyringStatus>;
  /** Secrets live until the app ends. */
  keyringUseMemory(): Promise<KeyringStatus>;
  /** Opens the encrypted file, or makes it; secrets are kept there from here on. */
  keyringUseFile(passphrase: string): Promise<KeyringStatus>;
  accountsList(): Promise<Account[]>;
  accountsSave(draft: AccountDraft): Promise<Account>;
  accountsRemove(id: string): Promise<null>;
  /** Steps come as `check` events with the same token too. */
  accountsTest(token: string, draft: AccountDraft, repository: string | null): Promise<CheckReport>;
  /** The logins of docker and podman (`machine`), and of an auth file; without their secrets. */
  accountsFind(machine: boolean, auth: string | null): Promise<FoundLogins>;
  /** Makes accounts of them; secrets go from keyring to keyring. */
  accountsTake(auth: string | null, picks: Pick[]): Promise<Taken>;
  /** What is known of a list, or its first page. */
  browseOpen(request: BrowseRequest): Promise<BrowsePage>;
  browseMore(request: MoreRequest): Promise<BrowsePage>;
  browseDetails(request: DetailsRequest): Promise<ImageDetails>;
  /** The request with this token rejects with `cancelled`. */
  browseCancel(token: string): Promise<null>;
  browseForget(id: string): Promise<null>;
  /** Reads names that were typed or pasted, and keeps those that are right. */
  browseNames(host: string, text: string): Promise<TypedName[]>;
  /** The names that were kept for a registry. */
  browseKept(host: string): Promise<KeptName[]>;
  browseDrop(host: string, repository: string): Promise<null>;
  /** In the order for the language. */
  providersList(): Promise<Provider[]>;
  profilesList(): Promise<ProfileSummary[]>;
  profilesGet(id: string): Promise<Profile>;
  profilesCheck(profile: Profile): Promise<RuleProblem[]>;
  profilesSave(profile: Profile): Promise<Profile>;
  /** Ends with `cancelled` when `browseCancel` is called with its token. */
  profilesPreview(request: PreviewRequest): Promise<Preview>;
  profilesRename(id: string, name: string): Promise<Profile>;
  profilesDuplicate(id: string): Promise<Profile>;
  profilesRemove(id: string): Promise<null>;
  profilesImport(name: string, images: string, auth: string | null): Promise<ImportReport>;
  /** Where it was saved, or null when the user changed their mind. */
  profilesExportFile(id: string): Promise<string | null>;
  /** As an images file of the original; `save` asks where. */
  profilesExportOriginal(id: string, save: boolean): Promise<ExportReport>;
  profilesCommand(id: string): Promise<string>;
  /** The path, or null when the user changed their mind. */
  filesPick(kind: FileKind): Promise<string | null>;
  /** In the system's file manager. */
  filesOpen(folder: Folder): Promise<null>;
  runsPlan(profileId: string): Promise<RunInfo>;
  /** Without the rows that were switched off by hand. */
  runsStart(profileId: string, skip?: PickedImage[]): Promise<RunInfo>;
  /** A new run of the images that failed in an ended one, or of these. */
  runsRetry(id: string, images: PickedImage[] | null): Promise<RunInfo>;
  /** A run that a crash has interrupted goes on. */
  runsContinue(id: string): Promise<RunInfo>;
  runsPause(id: string): Promise<null>;
  runsResume(id: string): Promise<null>;
  runsLimits(request: LimitsRequest): Promise<null>;
  runsCancel(id: string): Promise<null>;
  /** Of this session, newest first. */
  runsList(): Promise<RunInfo[]>;
  runsSnapshot(id: string): Promise<Snapshot>;
  /** What an image is made of, by its number; null until it is compared. */
  runsParts(id: string, image: number): Promise<ImageParts | null>;
  /** Asks the destinations for all that an ended run has left there. Takes long. */
  runsVerify(id: string): Promise<VerifyReport>;
  /** The path, or null when the user changed their mind. */
  runsExport(id: string, format: ExportFormat): Promise<string | null>;
  /** Newest first. */
  historyList(request: HistoryRequest): Promise<HistoryPage>;
  historyGet(id: string): Promise<HistoryDetail>;
  historyLog(request: LogRequest): Promise<LogPage>;
  historyRemove(id: string): Promise<null>;
  demoStart(): Promise<Demo>;
  /** To be called once, at the start. */
  subscribe(onEvent: (event: AppEvent) => void): Promise<void>;
}

/** An error as every method rejects with it. Matched by `code` alone, never by text. */
export class Problem extends Error implements ApiError {
  readonly code: string;
  readonly hint: string;
  readonly params: Record<string, string>;
  readonly notes: Note[];

  constructor(error: Partial<ApiError>) {
    super(error.message ?? '');
    this.name = 'Problem';
    this.code = error.code ?? 'internal';
    this.hint = error.hint ?? '';
    this.params = error.params ?? {};
    this.notes = error.notes ?? [];
  }

  /** Whatever was thrown, as a Problem. */
  static from(thrown: unknown): Problem {
    if (thrown instanceof Problem) return thrown;
    if (typeof thrown === 'object' && thrown !== null && 'code' in thrown) {
      return new Problem(thrown as Partial<ApiError>);
    }
    return new Problem({ message: thrown instanceof Error ? thrown.message : String(thrown) });
  }
}
