//! Random numbers: their places, their distribution and what is drawn with them. Known answers are in the goldens.

use std::collections::BTreeSet;

use fewbit_numeric::Philox;
use fewbit_numeric::philox::{normal_pair, uniform};

#[test]
fn a_word_is_a_function_of_its_place() {
    let random = Philox::new(0x0123_4567_89ab_cdef);
    assert_eq!(random.key, [0x89ab_cdef, 0x0123_4567]);
    let stream = 0xfedc_ba98_7654_3210;
    for (i, word) in random.words(stream).take(40).enumerate() {
        assert_eq!(word, random.block([i as u32 / 4, 0, 0x7654_3210, 0xfedc_ba98])[i % 4]);
    }
}

#[test]
fn blocks_made_together_are_those_made_one_by_one() {
    let random = Philox::new(0x0123_4567_89ab_cdef);
    let words = random.adjacent::<5>([u32::MAX - 1, 7, 8, 9]);
    for i in 0..5 {
        let alone = random.block([(u32::MAX - 1).wrapping_add(i), 7, 8, 9]);
        assert_eq!(words.map(|words| words[i as usize]), alone);
    }
}

#[test]
fn uniform_numbers_lie_in_0_to_1_without_1() {
    assert_eq!((uniform(0), uniform(0xff), uniform(0x100)), (0.0, 0.0, 2f32.powi(-24)));
    assert_eq!(uniform(u32::MAX), 1.0 - 2f32.powi(-24));
    let values: Vec<f64> = Philox::new(5).uniforms(0).take(100_000).map(f64::from).collect();
    let mean = values.iter().sum::<f64>() / 1e5;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 1e5;
    assert!((mean - 0.5).abs() < 0.004 && (variance - 1.0 / 12.0).abs() < 0.001, "{mean} {variance}");
}

#[test]
fn normal_numbers_have_the_moments_of_the_normal_distribution() {
    let values: Vec<f64> = Philox::new(6).normals(0).take(200_000).map(f64::from).collect();
    let moment = |k| values.iter().map(|x| x.powi(k)).sum::<f64>() / values.len() as f64;
    for (k, expected, slack) in [(1, 0.0, 0.01), (2, 1.0, 0.015), (3, 0.0, 0.04), (4, 3.0, 0.1)] {
        assert!((moment(k) - expected).abs() < slack, "moment {k} is {}", moment(k));
    }
}

#[test]
fn normal_numbers_are_finite_for_every_extreme_word() {
    for a in [0, 1, u32::MAX] {
        for b in [0, 1, 1 << 31, u32::MAX] {
            assert!(normal_pair(a, b).iter().all(|x| x.is_finite() && x.abs() < 6.67), "{a} {b}");
        }
    }
    assert_eq!(normal_pair(u32::MAX, 0), [0.0, 0.0]);
}

#[test]
fn shuffling_keeps_the_items_and_reaches_every_order() {
    let mut orders = BTreeSet::new();
    for stream in 0..400 {
        let mut items = [0, 1, 2, 3];
        Philox::new(7).shuffle(stream, &mut items);
        let mut sorted = items;
        sorted.sort();
        assert_eq!(sorted, [0, 1, 2, 3]);
        orders.insert(items);
    }
    assert_eq!(orders.len(), 24);
    Philox::new(7).shuffle::<u8>(0, &mut []);
}

#[test]
fn shuffles_are_fair() {
    // Where the first of five items goes: 20 % each, with four standard deviations of slack.
    let mut counts = [0i32; 5];
    for stream in 0..10_000 {
        let mut items = [true, false, false, false, false];
        Philox::new(8).shuffle(stream, &mut items);
        counts[items.iter().position(|&first| first).unwrap()] += 1;
    }
    assert!(counts.iter().all(|count| (count - 2000).abs() < 160), "{counts:?}");
}

#[test]
fn samples_are_different_indices_below_the_population() {
    for count in [0, 1, 5, 50] {
        let sample = Philox::new(9).sample(0, 50, count);
        assert_eq!(sample.len(), count);
        assert!(sample.iter().all(|&i| i < 50));
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), count);
    }
    assert_eq!(Philox::new(9).sample(0, 3, 9).len(), 3);
    assert_eq!(Philox::new(9).sample(0, 0, 9), [] as [usize; 0]);
    assert_eq!(Philox::new(9).sample(1, 1000, 5), Philox::new(9).sample(1, 1000, 9)[..5]);
}

#[test]
fn another_seed_or_stream_is_another_order() {
    let sample = |seed, stream| Philox::new(seed).sample(stream, 1000, 10);
    assert_eq!(sample(1, 0), sample(1, 0));
    assert_ne!(sample(1, 0), sample(2, 0));
    assert_ne!(sample(1, 0), sample(1, 1));
}
