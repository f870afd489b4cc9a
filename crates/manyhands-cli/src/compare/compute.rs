//! The computing that the workloads `cpu` and `mixed` do: real work that no compiler can leave out.

use super::protocol::Output;

/// Counts the primes from `from` up to and without `until`, by trial division.
pub(crate) fn count_primes(from: u64, until: u64) -> u64 {
    (from..until).filter(|&number| is_prime(number)).count() as u64
}

/// Mixes the bits of `seed` for so many rounds, each of which needs the one before.
pub(crate) fn mix(seed: u64, rounds: u64) -> u64 {
    let mut state = seed;
    for round in 0..rounds {
        state = (state ^ round).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
    state
}

/// The brief account of some bytes.
pub(crate) fn output_of(bytes: &[u8]) -> Output {
    Output { bytes: bytes.len() as u64, checksum: crc32fast::hash(bytes) }
}

fn is_prime(number: u64) -> bool {
    if number < 4 {
        return number >= 2;
    }
    if number.is_multiple_of(2) {
        return false;
    }
    let mut divisor = 3;
    while divisor * divisor <= number {
        if number.is_multiple_of(divisor) {
            return false;
        }
        divisor += 2;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn primes_are_counted() {
        assert_eq!(count_primes(0, 10), 4);
        assert_eq!(count_primes(0, 1000), 168);
        assert_eq!(count_primes(1000, 2000), 303 - 168);
        assert_eq!(count_primes(24, 29), 0);
    }

    #[test]
    fn mixing_depends_on_seed_and_rounds() {
        assert_eq!(mix(7, 100), mix(7, 100));
        assert_ne!(mix(7, 100), mix(8, 100));
        assert_ne!(mix(7, 100), mix(7, 101));
    }
}
