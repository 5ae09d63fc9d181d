use super::*;

fn platform(text: &str) -> Platform {
    let (rest, os_version) = match text.split_once(':') {
        Some((rest, version)) => (rest, Some(version.to_owned())),
        None => (text, None),
    };
    let mut parts = rest.split('/');
    let mut part = || parts.next().map(ToOwned::to_owned);
    Platform { os: part().unwrap(), architecture: part().unwrap(), variant: part(), os_version }
}

fn filter(os: &str, arch: &str) -> PlatformFilter {
    let values = |text: &'static str| Some(text).filter(|t| !t.is_empty());
    PlatformFilter::parse(values(Box::leak(os.into())), values(Box::leak(arch.into()))).unwrap()
}

#[test]
fn what_a_filter_keeps() {
    for (os, arch, kept, gone) in [
        ("", "", &["linux/amd64", "windows/arm64", "unknown/unknown"][..], &[][..]),
        ("linux", "", &["linux/amd64", "linux/arm/v7"], &["windows/amd64", "unknown/unknown"]),
        ("", "amd64", &["linux/amd64", "windows/amd64"], &["linux/arm64", "linux/386"]),
        ("linux,windows", "amd64", &["linux/amd64", "windows/amd64"], &["darwin/amd64"]),
        ("linux", "arm", &["linux/arm", "linux/arm/v5", "linux/arm/v7"], &["linux/arm64/v8"]),
        ("", "arm:v7", &["linux/arm/v7", "linux/arm", "linux/arm/7"], &["linux/arm/v6"]),
        ("", "arm:6", &["linux/arm/v6"], &["linux/arm/v7", "linux/arm"]),
        ("", "armhf", &["linux/arm/v7"], &["linux/arm/v6"]),
        ("", "armhf:v5", &["linux/arm/v5"], &["linux/arm/v7"]),
        ("", "arm64", &["linux/arm64", "linux/arm64/v8", "linux/arm64/v9"], &["linux/arm/v8"]),
        ("", "arm64:v8", &["linux/arm64", "linux/arm64/v8"], &["linux/arm64/v9"]),
        ("", "amd64:v1", &["linux/amd64", "linux/amd64/v1"], &["linux/amd64/v2"]),
        ("", "amd64:v3", &["linux/amd64/v3"], &["linux/amd64"]),
        ("", "X86_64,aarch64", &["linux/amd64", "linux/arm64", "linux/x86_64"], &["linux/386"]),
        ("macos", "", &["darwin/arm64"], &["linux/arm64"]),
        ("", "ppc64el", &["linux/ppc64le"], &["linux/ppc64"]),
        (
            "windows:10.0.17763",
            "",
            &["windows/amd64:10.0.17763.1817", "windows/amd64:10.0.17763"],
            &["windows/amd64:10.0.177630.1", "windows/amd64", "linux/amd64:10.0.17763"],
        ),
        (
            "windows:10.0.17763.1817,linux",
            "amd64",
            &["windows/amd64:10.0.17763.1817", "linux/amd64"],
            &["windows/amd64:10.0.17763.1818", "linux/arm64"],
        ),
    ] {
        let filter = filter(os, arch);
        for (platforms, keeps) in [(kept, true), (gone, false)] {
            for text in platforms {
                assert_eq!(
                    filter.keeps(&platform(text)),
                    keeps,
                    "{text} by os '{os}' arch '{arch}'"
                );
            }
        }
    }
}

#[test]
fn a_filter_says_itself() {
    for (os, arch, said) in [
        ("", "", "every platform"),
        ("linux", "amd64,arm:v7", "os linux, arch amd64 or arm:v7"),
        ("", "x86_64, amd64", "arch amd64"),
        ("windows:10.0.17763,LINUX", "", "os windows:10.0.17763 or linux"),
        ("", "arm64:v8", "arch arm64 without variant"),
    ] {
        assert_eq!(filter(os, arch).to_string(), said);
    }
    assert!(filter("", "").is_empty() && !filter("linux", "").is_empty());
}

#[test]
fn bad_values_are_named() {
    for (os, arch, why) in [
        (Some("linux,"), None, "an os value is empty"),
        (None, Some(""), "an arch value is empty"),
        (Some("linux:"), None, "'linux:' is not of the form os[:os.version]"),
        (None, Some("arm:v7:x"), "'arm:v7:x' is not of the form arch[:variant]"),
        (None, Some("am d64"), "'am d64' is not of the form arch[:variant]"),
        (
            None,
            Some("linux/arm64"),
            "'linux/arm64' is not an arch: give 'linux' as the os and 'arm64' as the arch",
        ),
        (
            Some("linux/arm/v7"),
            None,
            "'linux/arm/v7' is not an os: give 'linux' as the os and 'arm:v7' as the arch",
        ),
        (None, Some("arm/v7"), "'arm/v7' is not an arch: write a variant as 'arm:v7'"),
    ] {
        assert_eq!(PlatformFilter::parse(os, arch).unwrap_err(), why);
    }
}
