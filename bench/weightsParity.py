"""The Python side of bench/weightsParity.ts: opens converted files as their own projects do.

  weightsParity.py PEER.py FOLDER

FOLDER holds net.pth as PEER.py's `save` wrote it, and back.pth and net.pdparams, which were converted from it.
back.pth must load strictly and hold the same bits; net.pdparams must be what a PaddleDetection reader expects:
a pickled dict of numpy arrays with a name table. Prints one JSON line.
"""
import json
import pickle
import sys

import numpy
import torch

peer, folder = sys.argv[1:]
source = open(peer).read()
classes = dict(contextlib=__import__('contextlib'))
exec(source[source.index('import torch\n'):source.index('p = argparse.')], classes)

saved = torch.load(f'{folder}/net.pth')
back = torch.load(f'{folder}/back.pth')
counters = [name for name in saved if name.endswith('.num_batches_tracked')]
assert [name for name in saved if name not in counters] == list(back), 'names or their order differ'
assert all(torch.equal(saved[name], tensor) for name, tensor in back.items()), 'values differ'
net = classes['HRNet'](saved['final_layer.weight'].shape[1])
net.load_state_dict(back, strict=True)

with open(f'{folder}/net.pdparams', 'rb') as file:
    paddle = pickle.load(file, encoding='latin1')
table = paddle.pop('StructuredToParameterName@@')
assert set(table) == set(paddle) and len(set(table.values())) == len(table), 'name table'
for array, tensor in zip(paddle.values(), back.values()):
    assert type(array) is numpy.ndarray and array.dtype == numpy.float32, array.dtype
    assert numpy.array_equal(array, tensor.numpy()), 'values differ'
print(json.dumps(dict(torch=torch.__version__, state_dict=len(back), pdparams=len(paddle), counters=len(counters))))
