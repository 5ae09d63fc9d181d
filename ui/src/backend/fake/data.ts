// Accounts, profiles and images as a team would have them.

import type { Account, ApiError, Failure, FoundLogin, Profile, ProfileSummary } from '../types';
import { blankRule } from '../../text/rule';
import type { Scenario } from './scenario';
import { note, sentence } from './sentence';

const HOUR = 3_600_000;

export const ago = (hours: number): string => new Date(Date.now() - hours * HOUR).toISOString();

function account(id: string, part: Partial<Account>): Account {
  return {
    id,
    name: '',
    address: '',
    username: '',
    provider: '',
    settings: {},
    secretKind: 'password',
    hasSecret: true,
    secretIn: 'keyring',
    link: null,
    insecure: false,
    plainHttp: false,
    caFile: null,
    trusted: null,
    clientCert: null,
    clientKey: null,
    proxy: null,
    hasProxyPassword: false,
    mirrors: [],
    limit: null,
    creates: false,
    api: null,
    pathPrefix: null,
    verifiedAt: null,
    failed: null,
    ...part,
  };
}

export const blank = (id: string): Account => account(id, {});

export function accounts({ name }: Scenario): Account[] {
  if (name === 'empty' || name === 'nokeyring') return [];
  const usual = [
    account('hub', { name: 'Docker Hub', address: 'docker.io', username: 'acmebot', verifiedAt: ago(3) }),
    account('quay', { address: 'quay.io', username: 'acme+mirror', verifiedAt: ago(49) }),
    account('acr', {
      name: 'ACR Hangzhou',
      address: 'registry.cn-hangzhou.aliyuncs.com',
      username: 'mirror@1234567890123456',
      verifiedAt: ago(0.2),
    }),
    account('lab', {
      name: 'Lab Harbor',
      address: 'harbor.lab.example.com:8443/team',
      username: 'robot$team+ci',
      provider: 'harbor',
      failed: { at: ago(20), step: 'login', code: 'auth.rejected' },
      insecure: true,
      caFile: '/etc/ssl/lab-ca.pem',
    }),
    account('ecr', {
      name: 'Mirror Ireland',
      address: '123456789012.dkr.ecr.eu-west-1.amazonaws.com',
      provider: 'ecr',
      username: 'AKIAIOSFODNN7EXAMPLE',
      secretKind: 'aws-keys',
      settings: { role: 'arn:aws:iam::123456789012:role/mirror' },
      verifiedAt: ago(26),
    }),
    account('mcr', { address: 'mcr.microsoft.com', hasSecret: false, secretIn: 'none' }),
  ];
  if (name === 'names') {
    usual.push(
      account('long', {
        name: `The registry of the department with the ${'very '.repeat(20)}long name`,
        address: `${'a-very-long-host-name.'.repeat(8)}example.com:5443/${'namespace-'.repeat(9)}x`,
        username: `${'robot-account-'.repeat(10)}1`,
        secretIn: 'memory',
      }),
      account('rtl', {
        name: 'السجل الرئيسي \u202egpj.exe',
        address: 'registry.example.com',
        username: 'مدير',
      }),
    );
  }
  return usual;
}

export const FOUND: FoundLogin[] = [
  {
    key: 'file ghcr.io',
    address: 'ghcr.io',
    username: 'acme-ci',
    source: '~/.docker/config.json',
    canLink: true,
    known: null,
  },
  {
    key: 'helper gcr.io',
    address: 'gcr.io',
    username: null,
    source: 'docker-credential-gcloud (~/.docker/config.json)',
    canLink: true,
    known: null,
  },
  {
    key: 'file quay.io',
    address: 'quay.io',
    username: 'acme+mirror',
    source: '~/.config/containers/auth.json',
    canLink: true,
    known: 'quay.io',
  },
];

export const FOUND_IN_FILE: FoundLogin = {
  key: 'auth.yaml:1 registry.example.com/team',
  address: 'registry.example.com/team',
  username: 'robot$team',
  source: '/home/acme/auth.yaml:1',
  canLink: false,
  known: null,
};

function profile(
  id: string,
  name: string,
  rules: [string, string[]][],
  part: Partial<Profile> = {},
): Profile {
  return {
    id,
    name,
    rules: rules.map(([source, destinations]) => blankRule(source, destinations)),
    os: [],
    arch: [],
    overwrite: 'differing',
    attestations: 'keep',
    index: 'rewrite',
    referrers: false,
    retries: null,
    proc: null,
    bandwidth: null,
    accounts: {},
    ...part,
  };
}

export const DEMO_SOURCE = '127.0.0.1:41953';
export const DEMO_DESTINATION = '127.0.0.1:41955';

export const demoProfile = (): Profile =>
  profile('demo', 'Demo', [
    [`${DEMO_SOURCE}/demo/web`, [`${DEMO_DESTINATION}/mirror/web`]],
    [`${DEMO_SOURCE}/demo/tools:1.0,1.1`, [`${DEMO_DESTINATION}/mirror/tools`]],
  ]);

export function profiles({ name }: Scenario): Profile[] {
  if (name === 'empty' || name === 'nokeyring') return [];
  const usual = [
    profile(
      'team-mirror',
      'Team mirror',
      [
        ['docker.io/library/nginx:/^1\\.2[678]/', ['registry.cn-hangzhou.aliyuncs.com/acme/nginx']],
        [
          'quay.io/prometheus/prometheus:v3.5.0,v3.6.0',
          ['registry.cn-hangzhou.aliyuncs.com/acme/prometheus'],
        ],
        [
          'docker.io/library/redis',
          ['registry.cn-hangzhou.aliyuncs.com/acme/redis', 'harbor.lab.example.com:8443/team/redis'],
        ],
      ],
      { os: ['linux'], arch: ['amd64', 'arm64'] },
    ),
    profile('release', 'Release 2026.11', [
      ['quay.io/acme/api:2026.11.1', ['harbor.lab.example.com:8443/team/api:stable']],
    ]),
    profile('nightly', 'Nightly base images', [
      ['docker.io/library/debian', ['harbor.lab.example.com:8443/base/debian']],
      ['docker.io/library/alpine', ['harbor.lab.example.com:8443/base/alpine']],
    ]),
  ];
  if (name === 'names') {
    usual.push(
      profile('long', `Everything that the department needs, ${'and then some more, '.repeat(12)}for 2026`, [
        [
          `registry.example.com/${'deeply/nested/'.repeat(9)}image:${'long-tag-'.repeat(13)}1`,
          [`mirror.example.com/${'deeply/nested/'.repeat(9)}image`],
        ],
      ]),
      profile('rtl', 'مرآة الفريق \u202eslairetam', [
        ['registry.example.com/team/app', ['mirror.example.com/team/app']],
      ]),
    );
  }
  return usual;
}

const LAST: Record<string, ProfileSummary['lastRun']> = {
  'team-mirror': { endedAt: ago(2.5), interrupted: false, copied: 14, skipped: 61, failed: 0, cancelled: 0 },
  nightly: { endedAt: ago(31), interrupted: false, copied: 3, skipped: 40, failed: 2, cancelled: 0 },
};

export function summary(
  profile: Profile,
  lastRun: ProfileSummary['lastRun'] = LAST[profile.id] ?? null,
): ProfileSummary {
  const [first] = profile.rules;
  return {
    id: profile.id,
    name: profile.name,
    rules: profile.rules.length,
    first: first ? `${first.source} → ${first.destinations[0] ?? ''}` : '',
    demo: profile.id === 'demo',
    broken: null,
    lastRun,
  };
}

export const BROKEN: ProfileSummary = {
  id: 'old',
  name: 'old-mirror',
  rules: 0,
  first: '',
  demo: false,
  broken: {
    code: 'config.invalid',
    message: "/home/acme/.config/image-syncer/profiles/old-mirror.yaml:7:3: rule 2 has no 'destinations'",
    hint: '',
    params: {
      file: '/home/acme/.config/image-syncer/profiles/old-mirror.yaml',
      line: '7',
      column: '3',
      what: "rule 2 has no 'destinations'",
    },
    notes: [
      note(sentence('has_no_field', { what: sentence('rule_n', { n: '2' }), field: 'destinations' }), {
        file: '/home/acme/.config/image-syncer/profiles/old-mirror.yaml',
        line: 7,
        column: 3,
      }),
    ],
  },
  lastRun: null,
};

export const NO_TAG = sentence('no_tag', {
  rule: sentence('the_rule', { written: 'docker.io/library/debian:/^7/' }),
  of: sentence('no_tag_of', { n: '214' }),
});

export const KEPT_ASIDE: ApiError = {
  code: 'file.failed',
  message:
    'settings.yaml, line 1: not understood; it was kept as settings.yaml.broken and the app begins with its defaults',
  hint: '',
  params: {},
  notes: [],
};

export interface FakeImage {
  source: string;
  destination: string;
  size: number;
  action: 'copy' | 'skip' | 'overwrite' | 'conflict' | 'blocked';
  /** Share of the bytes that are there already. */
  present: number;
  /** It fails: `plan` while it is compared, `run` while it is copied. */
  fails: { when: 'plan' | 'run'; error: Failure } | null;
}

export function failure(code: string, message: string, hint = ''): Failure {
  return { code, message, hint };
}

const REPOSITORIES = [
  'nginx',
  'redis',
  'prometheus',
  'alertmanager',
  'grafana',
  'postgres',
  'debian',
  'alpine',
];
const HARBOR = 'harbor.lab.example.com:8443/team';
const ACR = 'registry.cn-hangzhou.aliyuncs.com/acme';

/** The images that a plan of this profile finds. Always the same ones. */
export function images(profileId: string, { name }: Scenario): FakeImage[] {
  if (profileId === 'demo') return demoImages();
  const count = name === 'many' ? 20_000 : 42;
  return Array.from({ length: count }, (_, at) => fit(image(at, count), at, name));
}

function demoImages(): FakeImage[] {
  return ['web:1.0', 'web:1.1', 'web:2.0', 'web:latest', 'tools:1.0', 'tools:1.1'].map((each, at) => ({
    source: `${DEMO_SOURCE}/demo/${each}`,
    destination: `${DEMO_DESTINATION}/mirror/${each}`,
    size: 350_000 + 90_000 * at,
    action: 'copy',
    present: 0,
    fails: null,
  }));
}

function image(at: number, count: number): FakeImage {
  const repository = REPOSITORIES[at % REPOSITORIES.length] ?? 'nginx';
  const tag = `1.${Math.floor(at / REPOSITORIES.length)}.${(at * 7) % 10}`;
  const group = count > 1000 ? `/group-${Math.floor(at / 100)}` : '';
  const action = at % 7 === 3 ? 'overwrite' : at % 3 === 0 ? 'copy' : 'skip';
  return {
    source: `docker.io/library${group}/${repository}:${tag}`,
    destination: `${at % 2 ? HARBOR : ACR}${group}/${repository}:${tag}`,
    size: 12_000_000 + ((at * 7_919_000) % 180_000_000),
    action,
    present: action === 'copy' ? 0.2 : action === 'skip' ? 1 : 0.6,
    fails: null,
  };
}

/** As the engine tells it: of whom it is. */
function failureAt(reference: string, code: string, what: string, hint?: string): Failure {
  const params = { host: reference.slice(0, reference.indexOf('/')), reference };
  return { ...failure(code, `${reference}: ${what}`, hint), params };
}

function fit(image: FakeImage, at: number, name: Scenario['name']): FakeImage {
  if (name === 'names' && at < 4) return { ...image, ...ODD_NAMES[at] };
  if (name === 'blocked' && at % 9 === 2) {
    return {
      ...image,
      action: 'blocked',
      fails: {
        when: 'plan',
        error: failureAt(
          image.destination,
          'access.push-denied',
          `403 DENIED: requested access to the resource is denied (1 try, 0.2 s)`,
          'Ask for the right to push to this project.',
        ),
      },
    };
  }
  if (name === 'failing' || name === 'blocked') return failing(image, at);
  return image;
}

function failing(image: FakeImage, at: number): FakeImage {
  const fail = (when: 'plan' | 'run', error: Failure): FakeImage => ({
    ...image,
    action: image.action === 'skip' ? 'copy' : image.action,
    fails: { when, error },
  });
  switch (at % 14) {
    case 1:
      return fail('plan', failureAt(image.source, 'ref.not-found', `404 MANIFEST_UNKNOWN (1 try, 0.1 s)`));
    case 4:
      return {
        ...image,
        action: 'conflict',
        fails: {
          when: 'plan',
          error: failure(
            'rule.conflict',
            `${image.destination}: rules 2 and 5 write different digests`,
            'Change one of the rules.',
          ),
        },
      };
    case 6:
    case 9:
      return fail(
        'run',
        failureAt(
          image.destination,
          'quota.exceeded',
          `PUT of layer sha256:5f2d…: 507 DENIED: adding 74.2 MB exceeds the quota of 20 GB (4 tries, 12.4 s)`,
          'Free space in the project or raise its quota.',
        ),
      );
    case 12:
      return fail(
        'run',
        failureAt(image.source, 'auth.rejected', `the token service refused acmebot: 401 (1 try, 0.3 s)`),
      );
    default:
      return image;
  }
}

const ODD_NAMES: Partial<FakeImage>[] = [
  {
    source: `registry.example.com/${'deeply/nested/'.repeat(12)}image:${'long-tag-'.repeat(13)}1`,
    destination: `mirror.example.com/${'another/path/'.repeat(12)}image:${'long-tag-'.repeat(13)}1`,
  },
  {
    source: 'registry.example.com/team/\u202eegami:1.0',
    destination: 'mirror.example.com/team/\u2066image\u2069:1.0',
  },
  { source: 'registry.example.com/فريق/تطبيق:1.0', destination: 'mirror.example.com/team/app:1.0' },
  {
    source: `quay.io/acme/api@sha256:${'0123456789abcdef'.repeat(4)}`,
    destination: 'mirror.example.com/acme/api',
  },
];
