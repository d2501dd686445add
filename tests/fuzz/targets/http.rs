//! What a client writes on an HTTP connection: heads of requests one behind the other, the paths and ranges in
//! them. However the bytes are cut by the network, they mean the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use understudy_netboot::decision::BootKind;
use understudy_netboot::http::HEAD_BYTES_MAX;
use understudy_netboot::http::range::Selection;
use understudy_netboot::http::request::{Request, parse};
use understudy_netboot::http::route::Route;

/// Sizes of files, the borders included.
const SIZES: [u64; 5] = [0, 1, 10, 1 << 32, u64::MAX];

fuzz_target!(|input: &[u8]| {
    // A connection's buffer holds at most one head and one read more.
    let mut rest = &input[..input.len().min(2 * HEAD_BYTES_MAX)];
    while let Ok(Some((request, bytes))) = parse(rest) {
        assert!(bytes > 0 && bytes <= rest.len() && bytes <= HEAD_BYTES_MAX);
        assert_eq!(parse(&rest[..bytes]), Ok(Some((request.clone(), bytes))), "what follows has a say");
        for cut in [1, bytes / 2, bytes - 1] {
            assert_eq!(parse(&rest[..cut.min(bytes - 1)]), Ok(None), "a half head is answered");
        }
        examine(&request);
        rest = &rest[bytes..];
    }
    if matches!(parse(rest), Ok(None)) {
        assert!(rest.len() < HEAD_BYTES_MAX, "a head would grow for ever");
    }
});

fn examine(request: &Request) {
    match Route::of(&request.path) {
        Some(Route::Boot { mac, kind }) => {
            let file = match kind {
                BootKind::Ipxe => "ipxe",
                BootKind::UefiHttp => "x64.efi",
            };
            assert_eq!(request.path, format!("/boot/{}/{file}", mac.digits()));
        }
        Some(Route::File { image, file }) => {
            assert_eq!(request.path, format!("/images/{image}/{}", file.file_name()));
            assert!(!image.contains('/'));
        }
        None => {}
    }
    for bytes in SIZES {
        match Selection::of(request.range.as_deref(), bytes) {
            Selection::Part(range) => {
                assert!(range.start < range.end && range.end <= bytes, "{range:?} of {bytes}");
                // What was selected selects itself.
                let again = format!("bytes={}-{}", range.start, range.end - 1);
                assert_eq!(Selection::of(Some(&again), bytes), Selection::Part(range));
            }
            Selection::Unsatisfiable => assert!(request.range.is_some()),
            Selection::Whole => {}
        }
    }
}
