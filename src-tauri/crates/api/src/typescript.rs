//! The TypeScript side of the border: every type that crosses it, and every command, in one file.

use std::collections::BTreeMap;

use registry::Code;
use ts_rs::{Config, TS, TypeVisitor};

use crate::{
    commands::{self, COMMANDS},
    dto::{ApiError, AppEvent},
    error::codes,
};

/// The declarations of types, by name, each once.
pub(crate) struct Types<'a> {
    config: &'a Config,
    declarations: BTreeMap<String, String>,
}

impl Types<'_> {
    /// Adds a type and all that it names.
    pub(crate) fn add<T: TS + 'static + ?Sized>(&mut self) {
        self.visit::<T>();
    }
}

impl TypeVisitor for Types<'_> {
    fn visit<T: TS + 'static + ?Sized>(&mut self) {
        // only what is declared by us has a path; strings, lists and options are written where they stand
        if T::output_path().is_some() {
            let name = T::ident(self.config);
            if self.declarations.contains_key(&name) {
                return;
            }
            let docs = T::docs().unwrap_or_default();
            self.declarations.insert(name, format!("{docs}export {}\n", T::decl(self.config)));
        }
        T::visit_dependencies(self);
        T::visit_generics(self);
    }
}

/// The whole file.
pub fn file() -> String {
    // byte counts are exact up to 9 PB as numbers, and JSON has no other
    let config = Config::new().with_large_int("number");
    let mut types = Types { config: &config, declarations: BTreeMap::new() };
    types.add::<ApiError>();
    types.add::<AppEvent>();
    commands::types(&mut types);

    let commands = COMMANDS.iter().map(|command| {
        let (request, answer) = ((command.request)(&config), (command.answer)(&config));
        let doc = command.doc.trim().replace('\n', " ");
        format!(
            "  /** {doc} */\n  '{}': {{ request: {request}; answer: {answer} }};\n",
            command.name
        )
    });
    let codes = Code::ALL.iter().map(|code| code.as_str()).chain(codes::ALL.iter().copied());
    let codes = codes.map(|code| format!("  '{code}',\n"));
    let parts = [
        "// Generated from Rust (crate `api`). Not to be edited:\n",
        "// `UPDATE_TYPES=1 cargo test -p api --test typescript` writes it anew.\n\n",
        &types.declarations.into_values().collect::<Vec<_>>().join("\n"),
        "\n/** Every command: what it is asked with, and what it answers. */\nexport interface Commands {\n",
        &commands.collect::<String>(),
        "}\n\n/** Every code that an error may have. */\nexport const CODES = [\n",
        &codes.collect::<String>(),
        "] as const;\n",
    ];
    // ts-rs leaves spaces at the ends of lines
    parts.concat().lines().flat_map(|line| [line.trim_end(), "\n"]).collect()
}
