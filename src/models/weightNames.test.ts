import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hrnetConfig, hrnetState } from './hrnetConfigs.ts';
import { officialName, paddleName } from './weightNames.ts';

test('the published examples translate both ways', () => {
  const examples = {
    'bn2.running_var': 'backbone.conv_layer1_2.norm._variance',
    'layer1.2.conv2.weight': 'backbone.la1.block_layer2_3.conv2.conv.weight',
    'layer1.0.downsample.1.bias': 'backbone.la1.block_layer2_1.conv_down.norm.bias',
    'transition1.0.0.weight': 'backbone.tr1.transition_tr1_layer_1.conv.weight',
    'transition3.3.0.1.weight': 'backbone.tr3.transition_tr3_layer_4.norm.weight',
    'stage3.1.branches.2.3.bn1.bias':
      'backbone.st3.stage_st3_2.branches_func.bb_st3_2_branch_layer_3_4.conv1.norm.bias',
    'stage2.0.fuse_layers.1.0.0.0.weight':
      'backbone.st2.stage_st2_1.fuse_func.residual_st2_1_layer_2_1_1.conv.weight',
    'stage4.0.fuse_layers.3.0.2.1.running_mean':
      'backbone.st4.stage_st4_1.fuse_func.residual_st4_1_layer_4_1_3.norm._mean',
    'stage4.2.fuse_layers.0.3.0.weight':
      'backbone.st4.stage_st4_3.fuse_func.residual_st4_3_layer_1_4.conv.weight',
    'final_layer.bias': 'final_conv.bias',
  };
  for (const [official, paddle] of Object.entries(examples)) {
    assert.equal(paddleName(official), paddle);
    assert.equal(officialName(paddle), official);
  }
});

test('all 1462 names of W32 and W48 and those of the small variant map one to one', () => {
  for (const [state, count] of [
    [hrnetState(hrnetConfig('hrnet', 32, 17)), 1462],
    [hrnetState(hrnetConfig('hrnet', 48, 17)), 1462],
    [hrnetState(hrnetConfig('hrnet-small', 32, 17)), 61 * 5 + 2],
  ] as const) {
    const names = [...state.keys()];
    const paddle = names.map((name) => paddleName(name)!);
    assert.equal(new Set(paddle).size, count);
    assert.deepEqual(paddle.map(officialName), names);
  }
});

test('names that no HRNet has are left alone', () => {
  for (const name of [
    '',
    'weight',
    'conv1',
    'layer1.01.conv1.weight',
    'fc.weight',
    'xconv1.weight',
  ]) {
    assert.equal(paddleName(name), undefined, name);
    assert.equal(officialName(name), undefined, name);
  }
  assert.equal(officialName('backbone.la1.block_layer2_0.conv1.conv.weight'), undefined);
  // The numbers that a Paddle name repeats must agree.
  const torn = 'backbone.st3.stage_st2_1.fuse_func.residual_st2_1_layer_1_2.conv.weight';
  assert.equal(officialName(torn), undefined);
});
