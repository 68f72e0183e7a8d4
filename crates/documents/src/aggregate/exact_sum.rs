//! A sum of doubles without rounding errors.
//!
//! Why not add doubles up: the result would depend on the order, and an index has another order than the documents.
//! The official emulator compensates errors, so that ten times 0.1 is 1. Here the sum is an integer of 2 200 bits in
//! units of the smallest double, which takes three additions for each number.

/// Bits of a digit.
const DIGIT_BITS: usize = 32;

/// Digits of the largest sum: 2 098 bits of a double, 64 for how many there are, and one digit for the sign.
const DIGITS: usize = 69;

/// How many numbers may come before carries must be taken out of digits: each adds less than 2^32 to one.
const UNCARRIED_MAX: u32 = 1 << 30;

/// Bits of a double's fraction.
const FRACTION_BITS: u64 = 52;

/// The exponent of doubles that are no numbers.
const EXPONENT_SPECIAL: u64 = 0x7FF;

/// A sum.
#[derive(Clone, Debug)]
pub(super) struct ExactSum {
    /// Digits of 32 bits, the lowest first, each with room for a sign and carries.
    digits: [i64; DIGITS],
    uncarried: u32,
    /// The sum of infinities and NaN: 0 if there is none.
    special: f64,
}

impl Default for ExactSum {
    fn default() -> Self {
        Self {
            digits: [0; DIGITS],
            uncarried: 0,
            special: 0.0,
        }
    }
}

impl ExactSum {
    pub(super) fn add(&mut self, value: f64) {
        let bits = value.to_bits();
        let exponent = (bits >> FRACTION_BITS) & EXPONENT_SPECIAL;
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        if exponent == EXPONENT_SPECIAL {
            // Infinities of both signs make NaN, and NaN stays.
            self.special += value;
            return;
        }
        // Subnormal numbers have the exponent of the smallest normal ones, but no leading one.
        let (mantissa, lowest_bit) = match exponent {
            0 => (fraction, 0),
            _ => (fraction | (1 << FRACTION_BITS), exponent - 1),
        };
        let lowest_bit = usize::try_from(lowest_bit).unwrap_or_default();
        self.add_at(u128::from(mantissa), lowest_bit, value.is_sign_negative());
    }

    pub(super) fn add_integer(&mut self, value: i128) {
        /// Where the bit of 1 is.
        const ONE: usize = 1_074;
        let magnitude = value.unsigned_abs();
        let (high, low) = (magnitude >> 64, magnitude & u128::from(u64::MAX));
        self.add_at(low, ONE, value < 0);
        self.add_at(high, ONE + 64, value < 0);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.carry();
        let mut other = other.clone();
        other.carry();
        for (digit, added) in self.digits.iter_mut().zip(other.digits) {
            *digit += added;
        }
        self.uncarried = 1;
        self.special += other.special;
    }

    /// Adds up to 64 bits.
    fn add_at(&mut self, magnitude: u128, lowest_bit: usize, is_negative: bool) {
        if self.uncarried == UNCARRIED_MAX {
            self.carry();
        }
        self.uncarried += 1;
        // At most 95 bits: three digits.
        let mut rest = magnitude << (lowest_bit % DIGIT_BITS);
        for digit in self.digits.iter_mut().skip(lowest_bit / DIGIT_BITS).take(3) {
            let part = low_digit(rest);
            *digit += if is_negative { -part } else { part };
            rest >>= DIGIT_BITS;
        }
    }

    /// Brings every digit but the last into 0..2^32.
    fn carry(&mut self) {
        let mut carry = 0;
        let last = DIGITS - 1;
        for (at, digit) in self.digits.iter_mut().enumerate() {
            *digit += carry;
            if at < last {
                carry = *digit >> DIGIT_BITS;
                *digit &= (1 << DIGIT_BITS) - 1;
            }
        }
        self.uncarried = 0;
    }

    /// The double nearest to the sum, ties to even; an infinity beyond the largest.
    pub(super) fn round(&self) -> f64 {
        if self.special != 0.0 {
            return self.special;
        }
        let mut sum = self.clone();
        sum.carry();
        let is_negative = sum.digits.last().is_some_and(|last| *last < 0);
        if is_negative {
            sum.digits.iter_mut().for_each(|digit| *digit = -*digit);
            sum.carry();
        }
        let magnitude = round_digits(&sum.digits);
        if is_negative { -magnitude } else { magnitude }
    }
}

/// The lowest 32 bits.
fn low_digit(bits: u128) -> i64 {
    i64::try_from(bits & ((1 << DIGIT_BITS) - 1)).expect("32 bits")
}

/// Rounds carried digits that are not negative.
fn round_digits(digits: &[i64; DIGITS]) -> f64 {
    let Some(top) = digits.iter().rposition(|digit| *digit != 0) else {
        return 0.0;
    };
    let from = top.saturating_sub(2);
    let (below, _) = digits.split_at(from);
    // The three highest digits: at least 65 bits, unless they are all there is.
    let high = (digits.iter().take(top + 1).skip(from).rev()).fold(0_u128, |high, digit| {
        (high << DIGIT_BITS) | u128::from(digit.cast_unsigned())
    });
    let is_inexact = below.iter().any(|digit| *digit != 0);
    let bits = u128::BITS - high.leading_zeros();
    // Bits that do not fit into 53.
    let cut = bits.saturating_sub(53);
    let kept = high >> cut;
    let rest = high - (kept << cut);
    let half = if cut == 0 { 0 } else { 1 << (cut - 1) };
    let is_up = cut > 0 && (rest > half || (rest == half && (is_inexact || kept & 1 == 1)));
    // A carry out of the fraction counts the exponent up, which is what it should do.
    let kept = u64::try_from(kept).expect("53 bits") + u64::from(is_up);
    let shift = u64::from(cut) + u64::try_from(from * DIGIT_BITS).expect("2 208 bits at most");
    match shift {
        // Units of the smallest double: its bits are the number.
        0 => f64::from_bits(kept),
        // The leading one of `kept` is the 1 in `shift + 1`.
        _ if shift >= EXPONENT_SPECIAL - 1 => f64::INFINITY,
        _ => f64::from_bits((shift << FRACTION_BITS) + kept),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use firekeep_testkit::random::Seeded;
    use firekeep_testkit::values;

    fn sum(numbers: &[f64]) -> f64 {
        let mut sum = ExactSum::default();
        numbers.iter().for_each(|number| sum.add(*number));
        sum.round()
    }

    #[track_caller]
    fn check(numbers: &[f64], expected: f64) {
        let found = sum(numbers);
        assert_eq!(found.to_bits(), expected.to_bits(), "{found:e}");
    }

    #[test]
    fn sums_are_rounded_once() {
        const LEAST: f64 = 5e-324;
        let two_53 = 2_f64.powi(53);
        check(&[], 0.0);
        check(&[-0.0], 0.0);
        check(&[0.1; 10], 1.0);
        check(&[1e308, 1.0, -1e308], 1.0);
        check(&[LEAST, LEAST], 2.0 * LEAST);
        check(&[f64::MIN_POSITIVE, -LEAST], f64::MIN_POSITIVE - LEAST);
        check(
            &[f64::MIN_POSITIVE, f64::MIN_POSITIVE],
            2.0 * f64::MIN_POSITIVE,
        );
        check(&[two_53, 1.0], two_53);
        check(&[two_53, 1.0, LEAST], two_53 + 2.0);
        check(&[two_53, 1.0, -LEAST], two_53);
        check(&[two_53, 3.0], two_53 + 4.0);
        check(&[-two_53, -1.0, -LEAST], -two_53 - 2.0);
        check(&[f64::MAX, f64::MAX], f64::INFINITY);
        check(&[f64::MIN, f64::MIN], f64::NEG_INFINITY);
        check(&[f64::MAX, f64::MAX, f64::MIN], f64::MAX);
        // Half of the last bit of the largest double: less than that rounds down.
        check(&[f64::MAX, 2_f64.powi(970)], f64::INFINITY);
        check(&[f64::MAX, 2_f64.powi(969)], f64::MAX);
        check(&[f64::INFINITY, f64::MIN], f64::INFINITY);
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY, 1.0]).is_nan());
        assert!(sum(&[f64::NAN, 1.0]).is_nan());
    }

    #[test]
    fn a_single_number_and_a_pair_are_as_ieee_says() {
        let random = &mut Seeded::new(71);
        for _ in 0..20_000 {
            let (a, b) = (values::double(random), values::double(random));
            check(&[a], a + 0.0);
            if (a + b).is_nan() {
                assert!(sum(&[a, b]).is_nan());
            } else {
                // Zero has no sign here.
                check(&[a, b], a + b + 0.0);
            }
        }
    }

    #[test]
    fn integers_are_added_as_they_are() {
        let random = &mut Seeded::new(72);
        for _ in 0..2_000 {
            let count = 1 + random.below(5);
            let integers: Vec<i128> = (0..count)
                .map(|_| i128::from(values::integer(random)) << random.below(60))
                .collect();
            let mut sum = ExactSum::default();
            integers
                .iter()
                .for_each(|integer| sum.add_integer(*integer));
            #[expect(clippy::cast_precision_loss, reason = "the nearest double")]
            let expected = integers.iter().sum::<i128>() as f64;
            assert_eq!(sum.round().to_bits(), expected.to_bits(), "{integers:?}");
        }
    }

    #[test]
    fn neither_order_nor_parts_matter() {
        let random = &mut Seeded::new(73);
        for _ in 0..500 {
            let mut numbers: Vec<_> = (0..random.below(40))
                .map(|_| values::double(random))
                .filter(|number| number.is_finite())
                .collect();
            let expected = sum(&numbers);
            numbers.reverse();
            let (left, right) = numbers.split_at(random.below(numbers.len() + 1));
            let mut parts = ExactSum::default();
            left.iter().for_each(|number| parts.add(*number));
            let mut other = ExactSum::default();
            right.iter().for_each(|number| other.add(*number));
            parts.merge(&other);
            assert_eq!(parts.round().to_bits(), expected.to_bits());
            // What is added comes off again.
            left.iter()
                .chain(right)
                .for_each(|number| parts.add(-number));
            assert_eq!(parts.round().to_bits(), 0);
        }
    }

    #[test]
    fn carries_are_taken_out_in_time() {
        let mut sum = ExactSum::default();
        sum.add(f64::from(u32::MAX));
        sum.uncarried = UNCARRIED_MAX;
        sum.add(1.0);
        assert_eq!((sum.uncarried, sum.round()), (1, 4_294_967_296.0));
    }
}
