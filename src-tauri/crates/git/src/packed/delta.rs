//! Objects that are stored as what differs from another one.

/// Builds an object from its base and the delta: pieces of the base and new bytes in turn.
pub(super) fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let (before, after) = (length(&mut rest)?, length(&mut rest)?);
    if before != base.len() {
        return None;
    }
    let mut built = Vec::new();
    built.try_reserve_exact(after).ok()?;
    while let Some((&order, tail)) = rest.split_first() {
        rest = tail;
        let piece = if order & 0x80 != 0 {
            let mut number = |from: u8, bytes: u8| {
                let mut value = 0_usize;
                for byte in 0..bytes {
                    if order >> (from + byte) & 1 != 0 {
                        let (&next, tail) = rest.split_first()?;
                        rest = tail;
                        value |= usize::from(next) << (8 * byte);
                    }
                }
                Some(value)
            };
            let (from, count) = (number(0, 4)?, number(4, 3)?);
            let count = if count == 0 { 0x1_0000 } else { count };
            base.get(from..from.checked_add(count)?)?
        } else {
            let (new, tail) = rest.split_at_checked(usize::from(order)).filter(|_| order > 0)?;
            rest = tail;
            new
        };
        if built.len() + piece.len() > after {
            return None;
        }
        built.extend_from_slice(piece);
    }
    (built.len() == after).then_some(built)
}

/// A number of seven bits per byte, the lowest first.
fn length(rest: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let part = u64::from(byte & 0x7f);
        value |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deltas_that_are_none() {
        let base = b"0123456789";
        // Sizes, then: copy 4 from 2, insert two bytes.
        assert_eq!(apply(base, &[10, 6, 0x91, 2, 4, 2, b'x', b'y']).unwrap(), b"2345xy");
        for (what, delta) in [
            ("another base", &[9, 6, 0x91, 2, 4, 2, b'x', b'y'][..]),
            ("too short", &[10, 7, 0x91, 2, 4, 2, b'x', b'y']),
            ("too long", &[10, 5, 0x91, 2, 4, 2, b'x', b'y']),
            ("beyond the base", &[10, 4, 0x91, 8, 4]),
            ("a reserved order", &[10, 1, 0]),
            ("cut in an order", &[10, 4, 0x91, 2]),
            ("cut in new bytes", &[10, 4, 4, b'x']),
            ("cut in a size", &[0x8a]),
            ("a size without end", &[0xff; 20]),
            ("nothing", &[]),
        ] {
            assert_eq!(apply(base, delta), None, "{what}");
        }
    }
}
