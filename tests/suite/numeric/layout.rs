//! Which values share a scale.

use fewbit_numeric::{BlockLayout, Granularity};
use proptest::prelude::*;

fn blocks(shape: &[usize], axis: usize, granularity: Granularity) -> Vec<Vec<usize>> {
    let layout = BlockLayout::new(shape, axis, granularity);
    (0..layout.block_count()).map(|block| layout.indices(block).collect()).collect()
}

#[test]
fn a_channel_is_a_row_on_axis_0_and_a_column_on_axis_1() {
    assert_eq!(blocks(&[2, 3], 0, Granularity::Channel), [[0, 1, 2], [3, 4, 5]]);
    assert_eq!(blocks(&[2, 3], 1, Granularity::Channel), [[0, 3], [1, 4], [2, 5]]);
    assert_eq!(blocks(&[2, 2, 2], 1, Granularity::Channel), [[0, 1, 4, 5], [2, 3, 6, 7]]);
    assert_eq!(blocks(&[2, 3], 1, Granularity::Tensor), [[0, 1, 2, 3, 4, 5]]);
}

#[test]
fn the_last_group_of_a_channel_may_be_short() {
    assert_eq!(blocks(&[2, 3], 0, Granularity::Group(2)), [vec![0, 1], vec![2], vec![3, 4], vec![5]]);
    assert_eq!(blocks(&[3, 2], 1, Granularity::Group(2)), [vec![0, 2], vec![4], vec![1, 3], vec![5]]);
    assert_eq!(blocks(&[2, 3], 0, Granularity::Group(9)), [[0, 1, 2], [3, 4, 5]]);
}

#[test]
fn an_axis_beyond_the_shape_is_one_channel() {
    assert_eq!(blocks(&[2, 2], 2, Granularity::Channel), [[0, 1, 2, 3]]);
    assert_eq!(blocks(&[], 0, Granularity::Channel), [[0]]);
}

#[test]
fn empty_tensors_have_no_values_in_any_block() {
    for shape in [vec![0], vec![0, 3], vec![3, 0], vec![2, 0, 3]] {
        for axis in 0..=shape.len() {
            for granularity in [Granularity::Tensor, Granularity::Channel, Granularity::Group(2)] {
                let layout = BlockLayout::new(&shape, axis, granularity);
                assert!(layout.is_empty());
                assert_eq!(layout.runs().flat_map(|(_, run)| run).count(), 0);
                assert!(blocks(&shape, axis, granularity).iter().all(Vec::is_empty));
            }
        }
    }
}

#[test]
fn every_granularity_has_a_text_and_others_are_refused() {
    for granularity in
        [Granularity::Tensor, Granularity::Channel, Granularity::Group(1), Granularity::Group(u32::MAX)]
    {
        assert_eq!(granularity.to_string().parse(), Ok(granularity));
        let json = serde_json::to_string(&granularity).unwrap();
        assert_eq!(serde_json::from_str::<Granularity>(&json).unwrap(), granularity);
    }
    for text in
        ["", "group", "group0", "group032", "group-1", "group 4", "group4294967296", "Tensor", "channel "]
    {
        assert!(text.parse::<Granularity>().is_err(), "`{text}`");
    }
}

fn any_layout() -> impl Strategy<Value = BlockLayout> {
    let granularity = prop_oneof![
        Just(Granularity::Tensor),
        Just(Granularity::Channel),
        (1u32..12).prop_map(Granularity::Group),
        Just(Granularity::Group(u32::MAX)),
    ];
    (prop::collection::vec(0usize..6, 0..5), 0usize..5, granularity)
        .prop_map(|(shape, axis, granularity)| BlockLayout::new(&shape, axis, granularity))
}

proptest! {
    #[test]
    fn each_value_is_in_exactly_one_block(layout in any_layout()) {
        let mut owner = vec![None; layout.len()];
        for block in 0..layout.block_count() {
            let mut last = None;
            for index in layout.indices(block) {
                prop_assert!(last < Some(index), "row-major");
                last = Some(index);
                prop_assert_eq!(layout.block_of(index), block);
                prop_assert_eq!(owner[index].replace(block), None);
            }
        }
        prop_assert!(owner.iter().all(Option::is_some));
    }

    #[test]
    fn blocks_do_not_mix_channels_and_only_the_last_group_is_short(layout in any_layout()) {
        prop_assume!(layout.granularity() != Granularity::Tensor);
        for block in 0..layout.block_count() {
            let channel = block / layout.groups();
            prop_assert!(layout.indices(block).all(|i| layout.channel_of(i) == channel));
            if let Granularity::Group(size) = layout.granularity() {
                let last = (block + 1) % layout.groups() == 0;
                let count = layout.indices(block).count();
                prop_assert!(count <= size as usize && (last || count == size as usize));
            }
        }
        prop_assert_eq!(layout.channel_len() * layout.channels(), layout.len());
    }

    #[test]
    fn runs_are_the_values_in_order_each_with_its_block(layout in any_layout()) {
        let mut next = 0;
        for (block, run) in layout.runs() {
            prop_assert_eq!(run.start, next);
            prop_assert!(run.start < run.end);
            next = run.end;
            prop_assert!(run.clone().all(|i| layout.block_of(i) == block));
        }
        prop_assert_eq!(next, layout.len());
    }
}
