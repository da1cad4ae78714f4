"""The PyTorch side of bench/parity.ts: one train forward and backward of the saved peer network.

  parity.py PEER.py FOLDER f32|f64 relu|linear

PEER.py holds the network's classes (shared/peers/hrnet_torch.py). FOLDER holds net.pth and golden/ as its `save`
command leaves them; with `linear` every ReLU is left out. Writes to FOLDER/DTYPE-VARIANT: eval.bin and
grads/NAME.bin as float64, state/NAME.bin as float32.
"""
import os
import sys

import numpy
import torch

peer, folder, dtype, variant = sys.argv[1:]
source = open(peer).read()
network = source[source.index('import torch\n'):source.index('p = argparse.')]
classes = dict(contextlib=__import__('contextlib'))
exec(network, classes)
if variant == 'linear':
    torch.nn.ReLU.forward = lambda self, x: x
    torch.nn.functional.relu = lambda x, inplace=False: x

state = torch.load(folder + '/net.pth')
golden = lambda name, *shape: torch.from_numpy(
    numpy.fromfile(f'{folder}/golden/{name}.bin', '<f4').reshape(shape))

out = f'{folder}/{dtype}-{variant}'
os.makedirs(out + '/grads', exist_ok=True)
os.makedirs(out + '/state', exist_ok=True)
for name, tensor in state.items():
    if tensor.dtype == torch.float32:
        tensor.numpy().astype('<f4').tofile(f'{out}/state/{name}.bin')

size = [int(n) for n in open(folder + '/size.txt').read().split()]
batch, height, width = size
maps = (batch, 17, height // 4, width // 4)
net = classes['HRNet'](state['final_layer.weight'].shape[1])
net.load_state_dict(state)
x, target, weight = golden('x', batch, 3, height, width), golden('target', *maps), golden('weight', *maps[:2])
if dtype == 'f64':
    net, x, target, weight = net.double(), x.double(), target.double(), weight.double()
dump = lambda name, value: value.detach().double().contiguous().numpy().tofile(f'{out}/{name}.bin')
with torch.no_grad():
    dump('eval', net.eval()(x))
loss = classes['weighted_mse'](net.train()(x), target, weight)
loss.backward()
for name, parameter in net.named_parameters():
    dump('grads/' + name, parameter.grad)
