// Convolutions one element of the result an invocation: the formula as it stands, no tiles. Right, slow.
import type { Shader } from '../kernel.ts';
import { padded } from '../layout.ts';
import { perElement, read, readWrite } from '../wgsl.ts';
import type { ConvDims } from './convolution.ts';

const names = ({ kh, stride, cin, cout, h, w }: ConvDims) =>
  `${kh}×${kh} s${stride} ${cin}→${cout} ${h}×${w}`;

export function plainForward(
  d: ConvDims,
  { bias, relu, residual }: { bias: boolean; relu: boolean; residual: boolean },
): Shader {
  const [cin, cout] = [padded(d.cin), padded(d.cout)];
  const v = cout / 4;
  return perElement({
    label: `conv2d ${names(d)}`,
    bindings: [
      read('x', 'f32'),
      read('w'),
      ...(bias ? [read('bias')] : []),
      ...(residual ? [read('residual')] : []),
      readWrite('y'),
    ],
    count: d.n * d.outH * d.outW * v,
    body: `  let m = i % ${v}u;
  let ox = i32((i / ${v}u) % ${d.outW}u);
  let oy = i32((i / ${v * d.outW}u) % ${d.outH}u);
  let n = i32(i / ${v * d.outW * d.outH}u);
  var sum = vec4<f32>();
  for (var u = 0; u < ${d.kh}; u++) {
    let iy = oy * ${d.stride} + u - ${d.padding};
    if (iy < 0 || iy >= ${d.h}) { continue; }
    for (var v = 0; v < ${d.kw}; v++) {
      let ix = ox * ${d.stride} + v - ${d.padding};
      if (ix < 0 || ix >= ${d.w}) { continue; }
      let at = u32((n * ${d.h} + iy) * ${d.w} + ix) * ${cin}u;
      let wat = u32(u * ${d.kw} + v) * ${cin * v}u + m;
      for (var c = 0u; c < ${d.cin}u; c++) { sum += x[at + c] * w[wat + c * ${v}u]; }
    }
  }
  ${bias ? 'sum += bias[m];' : ''}
  ${residual ? 'sum += residual[i];' : ''}
  y[i] = ${relu ? 'max(sum, vec4<f32>())' : 'sum'};`,
  });
}

export function plainGradInput(d: ConvDims): Shader {
  const [cin, cout] = [padded(d.cin), padded(d.cout)];
  return perElement({
    label: `conv2dGradInput ${names(d)}`,
    bindings: [read('dy'), read('w'), readWrite('dx', 'f32')],
    count: d.n * d.h * d.w * cin,
    body: `  let c = i % ${cin}u;
  let ix = i32((i / ${cin}u) % ${d.w}u);
  let iy = i32((i / ${cin * d.w}u) % ${d.h}u);
  let n = i32(i / ${cin * d.w * d.h}u);
  var sum = 0.0;
  for (var u = 0; u < ${d.kh}; u++) {
    let ny = iy + ${d.padding} - u;
    if (ny < 0 || ny % ${d.stride} != 0 || ny / ${d.stride} >= ${d.outH}) { continue; }
    for (var v = 0; v < ${d.kw}; v++) {
      let nx = ix + ${d.padding} - v;
      if (nx < 0 || nx % ${d.stride} != 0 || nx / ${d.stride} >= ${d.outW}) { continue; }
      let at = u32((n * ${d.outH} + ny / ${d.stride}) * ${d.outW} + nx / ${d.stride}) * ${cout / 4}u;
      let wat = (u32(u * ${d.kw} + v) * ${cin}u + c) * ${cout / 4}u;
      for (var m = 0u; m < ${cout / 4}u; m++) { sum += dot(dy[at + m], w[wat + m]); }
    }
  }
  dx[i] = sum;`,
  });
}

export function plainGradWeight(d: ConvDims): Shader {
  const [cin, cout] = [padded(d.cin), padded(d.cout)];
  const v = cout / 4;
  return perElement({
    label: `conv2dGradWeight ${names(d)}`,
    bindings: [read('x', 'f32'), read('dy'), readWrite('dw')],
    count: d.kh * d.kw * cin * v,
    body: `  let m = i % ${v}u;
  let c = (i / ${v}u) % ${cin}u;
  let kx = i32((i / ${v * cin}u) % ${d.kw}u);
  let ky = i32(i / ${v * cin * d.kw}u);
  var sum = vec4<f32>();
  for (var n = 0; n < ${d.n}; n++) {
    for (var oy = 0; oy < ${d.outH}; oy++) {
      let iy = oy * ${d.stride} + ky - ${d.padding};
      if (iy < 0 || iy >= ${d.h}) { continue; }
      var line = vec4<f32>();
      for (var ox = 0; ox < ${d.outW}; ox++) {
        let ix = ox * ${d.stride} + kx - ${d.padding};
        if (ix < 0 || ix >= ${d.w}) { continue; }
        let at = u32((n * ${d.h} + iy) * ${d.w} + ix) * ${cin}u + c;
        line += x[at] * dy[u32((n * ${d.outH} + oy) * ${d.outW} + ox) * ${v}u + m];
      }
      sum += line;
    }
  }
  dw[i] = sum;`,
  });
}

export function plainGradBias(d: ConvDims): Shader {
  const v = padded(d.cout) / 4;
  return perElement({
    label: `conv2dGradBias ${names(d)}`,
    bindings: [read('dy'), readWrite('db')],
    count: v,
    body: `  var sum = vec4<f32>();
  for (var p = 0u; p < ${d.n * d.outH}u; p++) {
    var line = vec4<f32>();
    for (var q = 0u; q < ${d.outW}u; q++) { line += dy[(p * ${d.outW}u + q) * ${v}u + i]; }
    sum += line;
  }
  db[i] = sum;`,
  });
}
