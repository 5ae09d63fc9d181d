//! A profile as the original's images file, with what that can't say.

use engine::{Attestations, IndexPolicy, Overwrite};
use registry::sentence;

use super::{Fault, Profile};
use crate::image_syncer::{self, Export};

impl Profile {
    /// Writes its rules as an images file that the original image-syncer reads too. What the original is told by flags, or
    /// can't be told, is among the notes.
    pub fn to_original(&self) -> Result<Export, Vec<Fault>> {
        let prepared = self.prepare()?;
        let mut export = image_syncer::export(&prepared.rules);
        let flags = self.flags();
        if !flags.is_empty() {
            export.notes.push(sentence!(
                "export_flags",
                "run the original with {flags}",
                flags = flags.join(" "),
            ));
        }
        let policy = &self.policy;
        let kept = [
            (
                policy.overwrite == Overwrite::Never,
                sentence!(
                    "export_overwrite",
                    "the original replaces a tag that is there with another digest; it can't be told not to",
                ),
            ),
            (
                policy.attestations != Attestations::Keep,
                sentence!(
                    "export_attestations",
                    "the original keeps attestations; it can't be told to leave them out",
                ),
            ),
            (
                policy.index == IndexPolicy::Sparse,
                sentence!(
                    "export_index",
                    "the original writes an index anew where platforms are left out; it can't keep it as it is",
                ),
            ),
            (
                policy.referrers,
                sentence!(
                    "export_referrers",
                    "the original copies no signatures and other referrers",
                ),
            ),
            (
                policy.bandwidth.is_some(),
                sentence!("export_bandwidth", "the original has no limit of bandwidth"),
            ),
        ];
        export.notes.extend(kept.into_iter().filter(|(is, _)| *is).map(|(_, note)| note));
        export.notes.push(sentence!(
            "export_logins",
            "logins are not in it: the original reads them from an auth file",
        ));
        Ok(export)
    }

    /// The original's flags for what it takes by flag.
    fn flags(&self) -> Vec<String> {
        let policy = &self.policy;
        let os = self.platforms.os.iter().map(|os| format!("--os {os}"));
        let arch = self.platforms.arch.iter().map(|arch| format!("--arch {arch}"));
        let mut flags: Vec<String> = os.chain(arch).collect();
        if policy.overwrite == Overwrite::Always {
            flags.push("--force".into());
        }
        flags.extend(policy.retries.map(|retries| format!("--retries {retries}")));
        flags.extend(policy.proc.map(|proc| format!("--proc {proc}")));
        flags
    }
}
