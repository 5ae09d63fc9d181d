//! Bandwidths as people write them.

use std::str::FromStr;

/// Bytes per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate(pub(crate) u64);

impl FromStr for Rate {
    type Err = String;

    /// `10MB/s`, `500KiB/s`, `80Mbit/s`, `1.5M`; `B` is bytes, `bit` and a lone lower-case `b` are bits.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("'{text}' is no rate; write for example 10MB/s, 500KiB/s or 80Mbit/s");
        let body = text.trim();
        let body =
            body.strip_suffix("/s").or_else(|| body.strip_suffix("ps")).unwrap_or(body).trim_end();
        let split = body.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(body.len());
        let number: f64 = body[..split].parse().map_err(|_| wrong())?;
        let unit = body[split..].trim_start();
        let (unit, per) = match unit {
            u if u.ends_with("bits") => (&u[..u.len() - 4], 8.0),
            u if u.ends_with("bit") => (&u[..u.len() - 3], 8.0),
            u if u.ends_with('b') => (&u[..u.len() - 1], 8.0),
            u if u.ends_with('B') => (&u[..u.len() - 1], 1.0),
            u => (u, 1.0),
        };
        let scale = match unit {
            "" => 1.0,
            "k" | "K" => 1e3,
            "M" | "m" => 1e6,
            "G" | "g" => 1e9,
            "Ki" | "ki" => 1024.0,
            "Mi" | "mi" => 1024.0 * 1024.0,
            "Gi" | "gi" => 1024.0 * 1024.0 * 1024.0,
            _ => return Err(wrong()),
        };
        let rate = number * scale / per;
        if !(1.0..=1e15).contains(&rate) {
            return Err(format!("'{text}' must be at least one byte per second"));
        }
        Ok(Self(rate as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::Rate;

    #[test]
    fn rates_are_read_in_bytes_and_bits() {
        for (text, bytes) in [
            ("1000", 1000),
            ("10MB/s", 10_000_000),
            ("10M", 10_000_000),
            ("500KiB/s", 512_000),
            ("80Mbit/s", 10_000_000),
            ("80Mbps", 10_000_000),
            ("1.5 MB/s", 1_500_000),
            ("8b", 1),
        ] {
            assert_eq!(text.parse(), Ok(Rate(bytes)), "{text}");
        }
        for text in ["", "fast", "10X", "0", "-1", "1bit/s", "1e400", "MB/s"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }
}
