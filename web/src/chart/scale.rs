//! From values to pixels and back.

/// How values are laid out along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Equal steps.
    Linear,
    /// Equal factors; both ends of the domain are positive.
    Log,
    /// log(1 + x): for counts, where 0 stays in sight.
    Log1p,
}

/// An axis: a domain of values and the pixels it is drawn on. Either may run backwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    kind: Kind,
    domain: (f64, f64),
    pixels: (f64, f64),
}

impl Scale {
    /// Equal steps from `domain` to `pixels`.
    pub fn linear(domain: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { kind: Kind::Linear, domain, pixels }
    }

    /// Like [`Self::linear`], laid out as `kind`.
    pub fn new(kind: Kind, domain: (f64, f64), pixels: (f64, f64)) -> Self {
        Self { kind, domain, pixels }
    }

    /// The values at both ends.
    pub fn domain(&self) -> (f64, f64) {
        self.domain
    }

    fn bend(&self, value: f64) -> f64 {
        match self.kind {
            Kind::Linear => value,
            Kind::Log => value.max(f64::MIN_POSITIVE).ln(),
            Kind::Log1p => value.max(0.0).ln_1p(),
        }
    }

    fn unbend(&self, bent: f64) -> f64 {
        match self.kind {
            Kind::Linear => bent,
            Kind::Log => bent.exp(),
            Kind::Log1p => bent.exp_m1(),
        }
    }

    /// The pixel of a value. A domain of one value lies in the middle.
    pub fn pixel(&self, value: f64) -> f64 {
        let (low, high) = (self.bend(self.domain.0), self.bend(self.domain.1));
        let share = if low == high { 0.5 } else { (self.bend(value) - low) / (high - low) };
        self.pixels.0 + share * (self.pixels.1 - self.pixels.0)
    }

    /// The value of a pixel.
    pub fn value(&self, pixel: f64) -> f64 {
        let (low, high) = (self.bend(self.domain.0), self.bend(self.domain.1));
        let span = self.pixels.1 - self.pixels.0;
        let share = if span == 0.0 { 0.5 } else { (pixel - self.pixels.0) / span };
        self.unbend(low + share * (high - low))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_from_its_pixel() {
        for kind in [Kind::Linear, Kind::Log, Kind::Log1p] {
            let scale = Scale::new(kind, (1.0, 500.0), (200.0, 10.0));
            assert!((scale.pixel(1.0) - 200.0).abs() < 1e-9);
            assert!((scale.pixel(500.0) - 10.0).abs() < 1e-9);
            assert!((scale.value(scale.pixel(37.0)) - 37.0).abs() < 1e-9);
        }
    }

    #[test]
    fn a_domain_of_one_value_lies_in_the_middle() {
        assert_eq!(Scale::linear((3.0, 3.0), (0.0, 10.0)).pixel(3.0), 5.0);
    }
}
