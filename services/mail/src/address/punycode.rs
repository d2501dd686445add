//! Labels beyond ASCII as ASCII (RFC 3492). Only this way: nobody needs to read them here.

/// Parameters of Punycode (RFC 3492, section 5).
const BASE: u32 = 36;
const T_MIN: u32 = 1;
const T_MAX: u32 = 26;
const SKEW: u32 = 38;
const DAMP: u32 = 700;
const BIAS_FIRST: u32 = 72;
const N_FIRST: u32 = 0x80;

/// The label without its prefix (section 6.3); nothing where a number does not fit, which no label of 63 octets has.
pub(super) fn encode(label: &str) -> Option<String> {
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = u32::try_from(out.len()).ok()?;
    let total = u32::try_from(label.chars().count()).ok()?;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias, mut handled) = (N_FIRST, 0u32, BIAS_FIRST, basic);
    while handled < total {
        let next = label.chars().map(u32::from).filter(|&code| code >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(handled + 1)?)?;
        n = next;
        for code in label.chars().map(u32::from) {
            if code < n {
                delta = delta.checked_add(1)?;
            } else if code == n {
                write_number(delta, bias, &mut out);
                bias = adapt(delta, handled + 1, handled == basic);
                delta = 0;
                handled += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}

/// A variable-length integer (section 3.3).
fn write_number(number: u32, bias: u32, out: &mut String) {
    let mut rest = number;
    let mut k = BASE;
    loop {
        let threshold = k.saturating_sub(bias).clamp(T_MIN, T_MAX);
        if rest < threshold {
            out.push(digit(rest));
            return;
        }
        out.push(digit(threshold + (rest - threshold) % (BASE - threshold)));
        rest = (rest - threshold) / (BASE - threshold);
        k += BASE;
    }
}

/// `a` to `z`, then `0` to `9`.
fn digit(value: u32) -> char {
    char::from_digit((value + 10) % BASE, BASE).expect("smaller than the base")
}

/// Section 6.1.
fn adapt(delta: u32, points: u32, is_first: bool) -> u32 {
    let mut delta = if is_first { delta / DAMP } else { delta / 2 };
    delta += delta / points;
    let mut k = 0;
    while delta > (BASE - T_MIN) * T_MAX / 2 {
        delta /= BASE - T_MIN;
        k += BASE;
    }
    k + (BASE - T_MIN + 1) * delta / (delta + SKEW)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Section 7.1 (a Spanish one without its capitals, a Japanese one), and names in use.
    #[test]
    fn the_examples_of_the_rfc_come_out() {
        for (label, expected) in [
            ("b\u{fc}cher", "bcher-kva"),
            ("m\u{fc}nchen", "mnchen-3ya"),
            (
                "\u{4ed6}\u{4eec}\u{4e3a}\u{4ec0}\u{4e48}\u{4e0d}\u{8bf4}\u{4e2d}\u{6587}",
                "ihqwcrb4cv8a8dqg056pqjye",
            ),
            (
                "porqu\u{e9}nopuedensimplementehablarenespa\u{f1}ol",
                "porqunopuedensimplementehablarenespaol-fmd56a",
            ),
            ("\u{305d}\u{306e}\u{30b9}\u{30d4}\u{30fc}\u{30c9}\u{3067}", "d9juau41awczczp"),
        ] {
            assert_eq!(encode(label).as_deref(), Some(expected));
        }
    }
}
