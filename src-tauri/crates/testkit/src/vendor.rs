//! Registries out there as sets of quirks, so that a whole sync can be run against each. They are emulated from what
//! is known of them, not the real thing; `tests/it/parity.rs` holds [`Vendor::Distribution`] against the real one.

use crate::{
    auth::{Auth, TokenAuth, Users},
    quirk::{On, Quirk, Redirect, SinglePost, UploadRange, VendorApi},
    registry::Builder,
};

const MIB: u64 = 1 << 20;

/// A kind of registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Vendor {
    /// `registry:2`, distribution 2.8.
    Distribution,
    /// Docker Hub.
    DockerHub,
    /// Amazon ECR, private.
    Ecr,
    /// Amazon ECR Public.
    EcrPublic,
    /// Azure Container Registry.
    Azure,
    /// Google Artifact Registry.
    Google,
    /// GitHub's ghcr.io.
    Ghcr,
    /// Alibaba Cloud ACR, personal edition.
    Aliyun,
    /// Alibaba Cloud ACR, Enterprise edition.
    AliyunEnterprise,
    /// Alibaba Cloud DevOps' registry.
    AliyunDevops,
    /// Huawei Cloud SWR.
    Swr,
    /// Tencent Cloud TCR.
    Tcr,
    /// Harbor.
    Harbor,
    /// Quay.
    Quay,
    /// GitLab's, which is distribution behind GitLab's tokens.
    GitLab,
    /// Gitea.
    Gitea,
    /// JFrog Artifactory, in its older versions.
    Artifactory,
    /// Sonatype Nexus behind a proxy.
    Nexus,
    /// zot without its Docker compatibility.
    Zot,
}

impl Vendor {
    /// All of them.
    pub const ALL: &[Self] = &[
        Self::Distribution,
        Self::DockerHub,
        Self::Ecr,
        Self::EcrPublic,
        Self::Azure,
        Self::Google,
        Self::Ghcr,
        Self::Aliyun,
        Self::AliyunEnterprise,
        Self::AliyunDevops,
        Self::Swr,
        Self::Tcr,
        Self::Harbor,
        Self::Quay,
        Self::GitLab,
        Self::Gitea,
        Self::Artifactory,
        Self::Nexus,
        Self::Zot,
    ];

    /// Its ways.
    pub fn quirks(self) -> Vec<Quirk> {
        match self {
            Self::Distribution => distribution(),
            Self::DockerHub => vec![
                Quirk::Api(VendorApi::DockerHub),
                Quirk::RedirectBlobs(Redirect::storage()),
                Quirk::HubLimit(100, 21_600),
                Quirk::MountFromUnknown(400),
                Quirk::CatalogRefused(401),
                Quirk::NoReferrers(404),
                Quirk::PathDepth(2, 2),
                Quirk::AbsentManifest(401),
            ],
            Self::Ecr => vec![
                Quirk::Api(VendorApi::Ecr),
                Quirk::RepositoriesMustExist,
                Quirk::RedirectBlobs(Redirect::storage()),
                Quirk::ManifestPutBare,
                Quirk::MediaTypeRequired,
                Quirk::PatchStatus(201),
                Quirk::UploadRange(UploadRange::FirstChunk),
                Quirk::SmallChunksRefused(5 * MIB),
                Quirk::MountsCommittedOnly,
                Quirk::PageLimit(1000, 405),
            ],
            Self::EcrPublic => vec![
                Quirk::RepositoriesMustExist,
                Quirk::RedirectBlobs(Redirect::storage()),
                Quirk::ManifestPutBare,
                Quirk::MediaTypeRequired,
                Quirk::PatchStatus(201),
                Quirk::MountsCommittedOnly,
                Quirk::CatalogRefused(405),
                Quirk::PathDepth(2, 255),
            ],
            Self::Azure => vec![
                Quirk::Api(VendorApi::Azure),
                Quirk::RedirectBlobs(Redirect::storage().with_heads()),
                Quirk::PutLimit(20 * MIB),
                Quirk::ChunkedRefused(400),
                Quirk::TagsNeedMetadataRead,
            ],
            Self::Google => {
                vec![
                    Quirk::ExtendedTags,
                    Quirk::NeverMounts,
                    Quirk::SinglePatch,
                    Quirk::PathDepth(3, 8),
                ]
            }
            Self::Ghcr => vec![
                Quirk::ChallengeScopeOn(vec!["POST".into()]),
                Quirk::ContentRangeLimit(4 * MIB),
                Quirk::AbsentManifest(403),
                Quirk::CatalogRefused(404),
                Quirk::NoReferrers(404),
            ],
            Self::Aliyun => {
                vec![
                    Quirk::Api(VendorApi::AliyunPersonal),
                    Quirk::EmptyConfigDenied,
                    Quirk::PathDepth(2, 2),
                    Quirk::CatalogRefused(401),
                ]
            }
            Self::AliyunEnterprise => vec![
                Quirk::Api(VendorApi::AliyunEnterprise),
                Quirk::EmptyConfigDenied,
                Quirk::NamespacesMustExist,
                Quirk::PathDepth(2, 2),
                Quirk::CatalogRefused(401),
            ],
            Self::Swr | Self::Tcr => vec![
                Quirk::NamespacesMustExist,
                Quirk::PathDepth(2, 255),
                Quirk::CatalogRefused(401),
                Quirk::NoReferrers(404),
            ],
            Self::GitLab => {
                let own = [
                    Quirk::Api(VendorApi::GitLab),
                    Quirk::NamespacesMustExist,
                    Quirk::PathDepth(2, 255),
                    Quirk::CatalogRefused(401),
                ];
                distribution().into_iter().chain(own).collect()
            }
            Self::Gitea => vec![
                Quirk::NamespacesMustExist,
                Quirk::KnownManifestsOnly,
                Quirk::PathDepth(2, 255),
                Quirk::NoReferrers(404),
            ],
            Self::AliyunDevops => vec![Quirk::UploadRange(UploadRange::LastChunk)],
            Self::Harbor => vec![
                Quirk::Api(VendorApi::Harbor),
                Quirk::StateHasOffset,
                Quirk::ContentRangeIgnored,
                Quirk::MountFromUnknown(401),
                Quirk::SinglePost(SinglePost::Refused(405)),
                Quirk::PathDepth(2, 255),
            ],
            Self::Quay => vec![
                Quirk::Api(VendorApi::Quay),
                Quirk::KnownLayersOnly,
                Quirk::MountWithoutFrom(400),
                Quirk::DeleteScopeRefused,
                Quirk::AbsentManifest(401),
            ],
            Self::Artifactory => vec![
                Quirk::Api(VendorApi::Artifactory),
                Quirk::PutBodyRefused(405),
                Quirk::AbsentManifest(403),
                Quirk::WrongDigestHeader(On::Head),
                Quirk::NoReferrers(404),
            ],
            Self::Nexus => vec![
                Quirk::ManifestHead(404),
                Quirk::NoDigestHeader(On::Every),
                Quirk::DuplicateBlob(400),
                Quirk::NoReferrers(404),
            ],
            Self::Zot => {
                vec![Quirk::DockerTypesRefused, Quirk::SinglePost(SinglePost::Taken)]
            }
        }
    }

    /// Creates what must be there before the first push to a repository.
    pub fn prepare(self, registry: &crate::Registry, repository: &str) {
        let quirks = self.quirks();
        let namespace = repository.split('/').next().unwrap_or_default();
        for quirk in quirks {
            match quirk {
                Quirk::RepositoriesMustExist => registry.create_repository(repository),
                Quirk::NamespacesMustExist => {
                    registry.create_repository(&format!("{namespace}/testkit-namespace"));
                }
                _ => {}
            }
        }
    }

    /// Its ways and its kind of sign-in, with one user. Anonymous clients may pull where they may there.
    pub fn builder(self, user: &str, password: &str) -> Builder {
        let users = Users::new().user(user, password);
        let auth = match self {
            Self::Distribution | Self::Zot => Auth::None,
            Self::Ecr | Self::Artifactory | Self::Nexus => Auth::Basic(users),
            Self::DockerHub | Self::Ghcr | Self::Quay | Self::EcrPublic => {
                Auth::Token(TokenAuth::new(users.anonymous("*", "pull")).at_second_host())
            }
            _ => Auth::Token(TokenAuth::new(users)),
        };
        crate::Registry::builder().auth(auth).quirks(self.quirks())
    }
}

fn distribution() -> Vec<Quirk> {
    vec![
        Quirk::ScopeOrderChanges,
        Quirk::AcceptHonoured,
        Quirk::ConvertsToSchema1,
        Quirk::KnownManifestsOnly,
        Quirk::StateHasOffset,
        Quirk::ContentRangeIgnored,
        Quirk::SinglePost(SinglePost::Ignored),
        Quirk::TagsUnpaged,
        Quirk::DeleteTagRefused(400),
        Quirk::NoReferrers(404),
    ]
}
