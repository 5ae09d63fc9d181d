//! A program on a terminal of its own: a real pty, which util-linux's `script` makes, and on which a test reads what is
//! shown and types.

use std::{
    io::{Read as _, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};

use rustix::termios::{LocalModes, tcgetattr};

use super::{Finished, Program};

/// Far longer than anything takes.
const LIMIT: Duration = Duration::from_mins(3);

/// The program, and its terminal.
pub struct Terminal {
    script: Child,
    keyboard: ChildStdin,
    shown: Receiver<Vec<u8>>,
    /// Everything that was shown.
    text: String,
    /// How much of it was waited for.
    read: usize,
}

impl Terminal {
    /// Starts the program on a terminal that is its controlling one, as in a terminal window.
    pub fn start(program: &Program, arguments: &[&str]) -> Self {
        let inner = program.command(arguments);
        let quoted = |text: &std::ffi::OsStr| format!("'{}'", text.to_str().unwrap());
        let mut line = format!("exec {}", quoted(inner.get_program()));
        for argument in inner.get_args() {
            line.push(' ');
            line.push_str(&quoted(argument));
        }
        let mut script = Command::new("script")
            .args(["--quiet", "--flush", "--return", "--command", &line, "/dev/null"])
            .current_dir(inner.get_current_dir().unwrap())
            .env_clear()
            .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .env("TERM", "dumb")
            .env("SHELL", "/bin/sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let keyboard = script.stdin.take().unwrap();
        let mut source = script.stdout.take().unwrap();
        let (tell, shown) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(n) = source.read(&mut buffer) {
                if n == 0 || tell.send(buffer[..n].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { script, keyboard, shown, text: String::new(), read: 0 }
    }

    /// Waits until a text is shown, after those that were waited for before.
    #[track_caller]
    pub fn expect(&mut self, wanted: &str) {
        let until = Instant::now() + LIMIT;
        loop {
            if let Some(at) = self.text[self.read..].find(wanted) {
                self.read += at + wanted.len();
                return;
            }
            let left = until.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("{wanted:?} was not shown:\n{}", self.text)
            };
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }

    /// Types a line.
    pub fn answer(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    /// Types a line once the terminal does not show any more what is typed: a secret is not typed before.
    #[track_caller]
    pub fn secret(&mut self, line: &str) {
        let until = Instant::now() + LIMIT;
        while self.echoes() {
            assert!(Instant::now() < until, "the terminal goes on showing what is typed");
            std::thread::sleep(Duration::from_millis(5));
        }
        self.answer(line);
    }

    /// Whether what is typed is shown, as far as can be seen.
    fn echoes(&self) -> bool {
        let Some(path) = self.path() else { return true };
        let Ok(terminal) = std::fs::File::open(path) else { return true };
        tcgetattr(&terminal).is_ok_and(|modes| modes.local_modes.contains(LocalModes::ECHO))
    }

    /// The terminal that the program runs on.
    fn path(&self) -> Option<PathBuf> {
        let id = self.script.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children")).ok()?;
        let child = children.split_whitespace().next()?;
        std::fs::read_link(format!("/proc/{child}/fd/0")).ok()
    }

    /// Waits for the end. All that was shown counts as standard error.
    pub fn end(mut self) -> Finished {
        // the keyboard stays until the end: without it the terminal would end the program
        let status = self.script.wait().unwrap();
        drop(self.keyboard);
        while let Ok(bytes) = self.shown.recv_timeout(Duration::from_secs(5)) {
            self.text.push_str(&String::from_utf8_lossy(&bytes));
        }
        let code = status.code().unwrap_or(-1);
        Finished { code, stdout: String::new(), stderr: self.text.replace("\r\n", "\n") }
    }
}
