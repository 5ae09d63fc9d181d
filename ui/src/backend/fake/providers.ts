// Some of the providers, as Rust tells them.

import type { Provider } from '../types';

export const PROVIDERS: Provider[] = [
  {
    id: 'docker-hub',
    name: {
      en: 'Docker Hub',
      zh: 'Docker Hub',
    },
    addresses: [
      {
        template: 'docker.io',
        holes: [],
        note: null,
      },
    ],
    hosts: ['docker.io'],
    user: {
      en: "Your Docker ID, or an organization's name",
      zh: 'Docker ID，或组织名',
    },
    secrets: [
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
    ],
    listing: 'api',
    mustExist: 'namespace',
    mustExistWhat: {
      en: 'the namespace',
      zh: '命名空间',
    },
    minDepth: 2,
    maxDepth: 2,
    limits: [
      {
        en: '100 pulls per 6 hours without an account (per address), 200 with a Personal one',
        zh: '未登录时每 6 小时 100 次拉取（按地址），个人账号 200 次',
      },
    ],
    docs: 'https://docs.docker.com/docker-hub/',
  },
  {
    id: 'ecr',
    name: {
      en: 'Amazon ECR',
      zh: 'Amazon ECR',
    },
    addresses: [
      {
        template: '{account}.dkr.ecr.{region}.amazonaws.com',
        holes: ['account', 'region'],
        note: null,
      },
      {
        template: '{account}.dkr-ecr.{region}.on.aws',
        holes: ['account', 'region'],
        note: {
          en: 'IPv4 and IPv6',
          zh: 'IPv4 与 IPv6',
        },
      },
      {
        template: '{account}.dkr.ecr.{region}.amazonaws.com.cn',
        holes: ['account', 'region'],
        note: {
          en: 'China',
          zh: '中国区',
        },
      },
    ],
    hosts: [
      '*.dkr.ecr.*.amazonaws.com',
      '*.dkr.ecr-fips.*.amazonaws.com',
      '*.dkr.ecr.*.amazonaws.com.cn',
      '*.dkr-ecr.*.on.aws',
      '*.dkr-ecr-fips.*.on.aws',
      '*.dkr-ecr.*.on.amazonwebservices.com.cn',
    ],
    user: {
      en: "The access key's id",
      zh: '访问密钥 ID',
    },
    secrets: [
      {
        id: 'aws-keys',
        isKept: true,
        hasUser: true,
        renews: true,
      },
      {
        id: 'aws-profile',
        isKept: false,
        hasUser: false,
        renews: true,
      },
      {
        id: 'aws-environment',
        isKept: false,
        hasUser: false,
        renews: true,
      },
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
    ],
    listing: 'api',
    mustExist: 'repository',
    mustExistWhat: {
      en: 'the repository',
      zh: '镜像仓库',
    },
    minDepth: 1,
    maxDepth: null,
    limits: [
      {
        en: 'Starting uploads: 100 per second; putting images: 10 per second',
        zh: '开始上传：每秒 100 次；写入镜像：每秒 10 次',
      },
    ],
    docs: 'https://docs.aws.amazon.com/AmazonECR/latest/userguide/',
  },
  {
    id: 'acr-enterprise',
    name: {
      en: 'Alibaba Cloud ACR Enterprise',
      zh: '阿里云 ACR 企业版',
    },
    addresses: [
      {
        template: '{name}-registry.{region}.cr.aliyuncs.com',
        holes: ['name', 'region'],
        note: {
          en: 'from the Internet',
          zh: '公网',
        },
      },
      {
        template: '{name}-registry-vpc.{region}.cr.aliyuncs.com',
        holes: ['name', 'region'],
        note: {
          en: 'from inside the VPC',
          zh: 'VPC 网络内',
        },
      },
    ],
    hosts: ['*-registry.*.cr.aliyuncs.com', '*-registry-vpc.*.cr.aliyuncs.com'],
    user: {
      en: "The user name of the access credential, or an AccessKey's id",
      zh: '访问凭证的用户名，或 AccessKey ID',
    },
    secrets: [
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
      {
        id: 'alibaba-key',
        isKept: true,
        hasUser: true,
        renews: true,
      },
    ],
    listing: 'api',
    mustExist: 'namespace',
    mustExistWhat: {
      en: 'the namespace',
      zh: '命名空间',
    },
    minDepth: 2,
    maxDepth: 2,
    limits: [
      {
        en: 'OpenAPI: 15 requests per second',
        zh: 'OpenAPI：每秒 15 次请求',
      },
    ],
    docs: 'https://www.alibabacloud.com/help/en/acr/',
  },
  {
    id: 'azure',
    name: {
      en: 'Azure Container Registry',
      zh: 'Azure 容器注册表',
    },
    addresses: [
      {
        template: '{name}.azurecr.io',
        holes: ['name'],
        note: null,
      },
      {
        template: '{name}.azurecr.cn',
        holes: ['name'],
        note: {
          en: 'China',
          zh: '中国区',
        },
      },
    ],
    hosts: ['*.azurecr.io', '*.azurecr.cn', '*.azurecr.us'],
    user: {
      en: "The service principal's client id, a token's name, or the admin user",
      zh: '服务主体的客户端 ID、令牌名或管理员用户',
    },
    secrets: [
      {
        id: 'azure-principal',
        isKept: true,
        hasUser: true,
        renews: true,
      },
      {
        id: 'azure-token',
        isKept: true,
        hasUser: false,
        renews: false,
      },
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
      {
        id: 'identity-token',
        isKept: true,
        hasUser: false,
        renews: false,
      },
    ],
    listing: 'catalog',
    mustExist: 'nothing',
    mustExistWhat: null,
    minDepth: 1,
    maxDepth: null,
    limits: [],
    docs: 'https://learn.microsoft.com/azure/container-registry/',
  },
  {
    id: 'harbor',
    name: {
      en: 'Harbor',
      zh: 'Harbor',
    },
    addresses: [
      {
        template: '{host}',
        holes: ['host'],
        note: null,
      },
    ],
    hosts: [],
    user: {
      en: 'A user, or a robot such as robot$project+ci',
      zh: '用户名，或机器人账户，如 robot$project+ci',
    },
    secrets: [
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
    ],
    listing: 'api',
    mustExist: 'namespace',
    mustExistWhat: {
      en: 'the project',
      zh: '项目',
    },
    minDepth: 2,
    maxDepth: null,
    limits: [],
    docs: 'https://goharbor.io/docs/',
  },
  {
    id: 'registry',
    name: {
      en: 'Another registry (registry:2 and its like)',
      zh: '其他仓库（registry:2 等）',
    },
    addresses: [
      {
        template: '{host}:{port}',
        holes: ['host', 'port'],
        note: null,
      },
    ],
    hosts: [],
    user: {
      en: 'A user; none for anonymous access',
      zh: '用户名；匿名访问则留空',
    },
    secrets: [
      {
        id: 'password',
        isKept: true,
        hasUser: true,
        renews: false,
      },
      {
        id: 'identity-token',
        isKept: true,
        hasUser: false,
        renews: false,
      },
      {
        id: 'bearer',
        isKept: true,
        hasUser: false,
        renews: false,
      },
    ],
    listing: 'catalog',
    mustExist: 'nothing',
    mustExistWhat: null,
    minDepth: 1,
    maxDepth: null,
    limits: [],
    docs: 'https://distribution.github.io/distribution/',
  },
];
