// normalize 2×64×64, workgroups 32×1×1
@group(0) @binding(0) var<storage, read> images: array<u32>;
@group(0) @binding(1) var<storage, read_write> y: array<vec4<f32>>;

const mean = vec4<f32>(0.48500001430511475f, 0.4560000002384186f, 0.4059999883174896f, 0.0f);
const factor = vec4<f32>(4.366812229156494f, 4.464285850524902f, 4.44444465637207f, 0.0f);

fn byte(at: u32) -> f32 {
  return f32((images[at / 4u] >> (8u * (at % 4u))) & 255u);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 8192u) { return; }
  let pixel = vec4<f32>(byte(3u * i), byte(3u * i + 1u), byte(3u * i + 2u), 0.0);
  y[i] = (pixel * 0.003921568859368563f - mean) * factor;
}

// batchNorm statistics 2×64×32×32, workgroups 16×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;

struct Moments { mean: vec4<f32>, squares: vec4<f32>, count: f32 }

fn join(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = select(0.0, b.count / count, count > 0.0);
  let apart = b.mean - a.mean;
  return Moments(a.mean + apart * share, a.squares + b.squares + apart * apart * (a.count * share), count);
}

var<workgroup> moments: array<Moments, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = lane / 16u;
  let own_column = group.y * 16u + lane % 16u;
  let column = min(own_column, 15u);
  let first = group.x * 128u + line;
  let end = min((group.x + 1u) * 128u, 2048u);
  let pivot = x[min(first, 2047u) * 16u + column];
  var sum = vec4<f32>();
  var squares = vec4<f32>();
  var count = 0.0;
  for (var row = first; row < end; row += 16u) {
    let e = row * 16u + column;
    let d = x[e] - pivot;
    sum += d;
    squares += d * d;
    count += 1.0;
  }
  let apart = sum / max(count, 1.0);
  let own = Moments(pivot + apart, max(squares - sum * apart, vec4<f32>()), count);
  moments[lane] = own;
  for (var half = 128u; half >= 16u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = join(moments[lane], moments[lane + half]); }
  }
  workgroupBarrier();
  if (line == 0u && own_column < 16u) {
    let at = (group.x * 16u + column) * 2u;
    partial[at] = moments[lane].mean;
    partial[at + 1u] = moments[lane].squares;
  }
}

// batchNorm combine 2×64×32×32, workgroups 16×1×1
@group(0) @binding(0) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> running_variance: array<vec4<f32>>;

struct Moments { mean: vec4<f32>, squares: vec4<f32>, count: f32 }

fn join(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = select(0.0, b.count / count, count > 0.0);
  let apart = b.mean - a.mean;
  return Moments(a.mean + apart * share, a.squares + b.squares + apart * apart * (a.count * share), count);
}

var<workgroup> moments: array<Moments, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let column = group.x;
  var own = Moments(vec4<f32>(), vec4<f32>(), 0.0);
  for (var g = lane; g < 16u; g += 64u) {
    let at = (g * 16u + column) * 2u;
    let count = f32(min(128u, 2048u - g * 128u));
    own = join(own, Moments(partial[at], partial[at + 1u], count));
  }
  moments[lane] = own;
  for (var half = 32u; half >= 1u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = join(moments[lane], moments[lane + half]); }
  }
  workgroupBarrier();
  if (lane == 0u) {
    mean[column] = moments[0].mean;
    variance[column] = moments[0].squares * 0.00048828125f;
    running_mean[column] = 0.8999999761581421f * running_mean[column] + 0.10000000149011612f * mean[column];
    running_variance[column] = 0.8999999761581421f * running_variance[column] + 0.10004885494709015f * variance[column];
  }
}

// batchNorm relu 2×64×32×32, workgroups 128×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 32768u) { return; }
  let c = i % 16u;
  let scale = gamma[c] * inverseSqrt(variance[c] + 0.000009999999747378752f);
  let value = (x[i] - mean[c]) * scale + beta[c];
  y[i] = select(value, vec4<f32>(), value < vec4<f32>());
}

// batchNorm 2×256×16×16, workgroups 128×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 32768u) { return; }
  let c = i % 64u;
  let scale = gamma[c] * inverseSqrt(variance[c] + 0.000009999999747378752f);
  let value = (x[i] - mean[c]) * scale + beta[c];
  y[i] = value;
}

// batchNorm residual relu 2×256×16×16, workgroups 128×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 32768u) { return; }
  let c = i % 64u;
  let scale = gamma[c] * inverseSqrt(variance[c] + 0.000009999999747378752f);
  let value = (x[i] - mean[c]) * scale + beta[c] + residual[i];
  y[i] = select(value, vec4<f32>(), value < vec4<f32>());
}

// upsample ×2 2×8×8×8, workgroups 4×1×1
@group(0) @binding(0) var<storage, read> small: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> large: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  let c = i % 2u;
  let x = (i / 2u) % 16u;
  let y = i / 32u;
  large[i] = small[((y / 2u) * 8u + x / 2u) * 2u + c];
}

// add relu 1024×4, workgroups 4×1×1
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  y[i] = select((a[i] + b[i]), vec4<f32>(), (a[i] + b[i]) < vec4<f32>());
}

// add 1024×4, workgroups 4×1×1
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  y[i] = a[i] + b[i];
}

// batchNorm residual 2×16×8×8, workgroups 2×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> beta: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 512u) { return; }
  let c = i % 4u;
  let scale = gamma[c] * inverseSqrt(variance[c] + 0.000009999999747378752f);
  let value = (x[i] - mean[c]) * scale + beta[c] + residual[i];
  y[i] = value;
}

// targetWeight 2×5, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> keypoints: array<f32>;
@group(0) @binding(1) var<storage, read> visible: array<f32>;
@group(0) @binding(2) var<storage, read_write> weight: array<f32>;

struct Axis { exact: f32, first: f32, end: f32 }

fn column_axis(position: f32) -> Axis {
  let exact = position * 0.25f;
  let middle = trunc(exact + 0.5);
  return Axis(
    middle,
    trunc(middle - 6.0f),
    trunc(middle + 7.0f),
  );
}

fn row_axis(position: f32) -> Axis {
  let exact = position * 0.25f;
  let middle = trunc(exact + 0.5);
  return Axis(
    middle,
    trunc(middle - 6.0f),
    trunc(middle + 7.0f),
  );
}

fn weight_of(person: u32, x: Axis, y: Axis) -> f32 {
  let outside = x.first >= 16.0f || y.first >= 16.0f || x.end < 0.0 || y.end < 0.0;
  return select(visible[person], 0.0, outside);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 12u) { return; }
  if (i >= 10u) {
    weight[i] = 0.0;
    return;
  }
  weight[i] = weight_of(i, column_axis(keypoints[2u * i]), row_axis(keypoints[2u * i + 1u]));
}

// heatmaps standard 2×5×16×16, workgroups 4×1×1
@group(0) @binding(0) var<storage, read> keypoints: array<f32>;
@group(0) @binding(1) var<storage, read> visible: array<f32>;
@group(0) @binding(2) var<storage, read_write> heatmaps: array<vec4<f32>>;

struct Axis { exact: f32, first: f32, end: f32 }

fn column_axis(position: f32) -> Axis {
  let exact = position * 0.25f;
  let middle = trunc(exact + 0.5);
  return Axis(
    middle,
    trunc(middle - 6.0f),
    trunc(middle + 7.0f),
  );
}

fn row_axis(position: f32) -> Axis {
  let exact = position * 0.25f;
  let middle = trunc(exact + 0.5);
  return Axis(
    middle,
    trunc(middle - 6.0f),
    trunc(middle + 7.0f),
  );
}

fn weight_of(person: u32, x: Axis, y: Axis) -> f32 {
  let outside = x.first >= 16.0f || y.first >= 16.0f || x.end < 0.0 || y.end < 0.0;
  return select(visible[person], 0.0, outside);
}

fn value(person: u32, column: f32, row: f32) -> f32 {
  let x = column_axis(keypoints[2u * person]);
  let y = row_axis(keypoints[2u * person + 1u]);
  if (!(weight_of(person, x, y) > 0.5) || !(column >= x.first && column < x.end && row >= y.first && row < y.end)) { return 0.0; }
  let dx = column - x.exact;
  let dy = row - y.exact;
  return exp(-(dx * dx + dy * dy) * 0.125f);
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  let k = (i % 2u) * 4u;
  let column = f32((i / 2u) % 16u);
  let row = f32((i / 32u) % 16u);
  let person = (i / 512u) * 5u + k;
  var cell = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    if (k + j < 5u) { cell[j] = value(person + j, column, row); }
  }
  heatmaps[i] = cell;
}

// loss 2×5×16×16, workgroups 4×1×1
@group(0) @binding(0) var<storage, read> prediction: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> target_maps: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

fn weights_at(i: u32) -> vec4<f32> {
  let first = (i % 2u) * 4u;
  let person = (i / 512u) * 5u;
  return vec4<f32>(select(0.0, weight[min(person + first + 0u, 9u)], first + 0u < 5u), select(0.0, weight[min(person + first + 1u, 9u)], first + 1u < 5u), select(0.0, weight[min(person + first + 2u, 9u)], first + 2u < 5u), select(0.0, weight[min(person + first + 3u, 9u)], first + 3u < 5u));
}

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = group.x * 256u + lane; i < 1024u; i += 1024u) {
    let d = weights_at(i) * (prediction[i] - target_maps[i]);
    sum += dot(d, d);
  }
  sums[lane] = sum;
  for (var half = 128u; half >= 1u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; }
  }
  workgroupBarrier();
  if (lane == 0u) { parts[group.x] = sums[0]; }
}

// loss sum of 4, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<vec4<f32>>;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  sums[lane] = 0.0;
  if (lane < 4u) { sums[lane] = parts[lane]; }
  for (var half = 128u; half >= 1u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; }
  }
  workgroupBarrier();
  if (lane == 0u) { loss[0] = vec4<f32>(0.00019531250291038305f * sums[0], 0.0, 0.0, 0.0); }
}

// loss gradient 2×5×16×16, workgroups 4×1×1
@group(0) @binding(0) var<storage, read> prediction: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> target_maps: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read> d_loss: array<f32>;
@group(0) @binding(4) var<storage, read_write> d: array<vec4<f32>>;

fn weights_at(i: u32) -> vec4<f32> {
  let first = (i % 2u) * 4u;
  let person = (i / 512u) * 5u;
  return vec4<f32>(select(0.0, weight[min(person + first + 0u, 9u)], first + 0u < 5u), select(0.0, weight[min(person + first + 1u, 9u)], first + 1u < 5u), select(0.0, weight[min(person + first + 2u, 9u)], first + 2u < 5u), select(0.0, weight[min(person + first + 3u, 9u)], first + 3u < 5u));
}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  let w = weights_at(i);
  let factor = d_loss[0] * 0.0003906250058207661f;
  d[i] = factor * w * w * (prediction[i] - target_maps[i]);
}

// reluGrad 1024×4, workgroups 4×1×1
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1024u) { return; }
  y[i] = select(vec4<f32>(), b[i], a[i] > vec4<f32>());
}

// sumBlocks ×8 2×8×2×2, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> large: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> small: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 16u) { return; }
  let c = i % 2u;
  let x = (i / 2u) % 2u;
  let y = i / 4u;
  var sum = vec4<f32>();
  for (var v = 0u; v < 8u; v++) {
    let row = (y * 8u + v) * 16u + x * 8u;
    var line = vec4<f32>();
    for (var u = 0u; u < 8u; u++) { line += large[(row + u) * 2u + c]; }
    sum += line;
  }
  small[i] = sum;
}

// batchNormGrad sums 2×8×2×2, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 256>;
var<workgroup> products: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = lane / 2u;
  let own_column = group.y * 2u + lane % 2u;
  let column = min(own_column, 1u);
  let first = group.x * 1024u + line;
  let end = min((group.x + 1u) * 1024u, 8u);
  let center = mean[column];
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var row = first; row < end; row += 128u) {
    let e = row * 2u + column;
    let arriving = dy[e];
    sum += arriving;
    product += arriving * (x[e] - center);
  }
  sums[lane] = sum;
  products[lane] = product;
  for (var half = 128u; half >= 2u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (line == 0u && own_column < 2u) {
    let at = (group.x * 2u + column) * 2u;
    partial[at] = sums[lane];
    partial[at + 1u] = products[lane];
  }
}

// batchNormGrad combine 2×8×2×2, workgroups 2×1×1
@group(0) @binding(0) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dgamma: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dbeta: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> coefficients: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 64>;
var<workgroup> products: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let column = group.x;
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var g = lane; g < 1u; g += 64u) {
    let at = (g * 2u + column) * 2u;
    sum += partial[at];
    product += partial[at + 1u];
  }
  sums[lane] = sum;
  products[lane] = product;
  for (var half = 32u; half >= 1u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (lane == 0u) {
    let inverse = inverseSqrt(variance[column] + 0.000009999999747378752f);
    let by_gamma = products[0] * inverse;
    dgamma[column] = by_gamma;
    dbeta[column] = sums[0];
    coefficients[column * 4u] = mean[column];
    coefficients[column * 4u + 1u] = gamma[column] * inverse;
    coefficients[column * 4u + 2u] = sums[0] * 0.125f;
    coefficients[column * 4u + 3u] = by_gamma * inverse * 0.125f;
  }
}

// batchNormGrad 2×8×2×2, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 16u) { return; }
  let at = (i % 2u) * 4u;
  let centered = x[i] - coefficients[at];
  let arriving = dy[i];
  dx[i] = coefficients[at + 1u] * (arriving - coefficients[at + 2u] - centered * coefficients[at + 3u]);
}

// batchNormGrad sums kept 2×64×2×2, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> kept: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 256>;
var<workgroup> products: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let line = lane / 16u;
  let own_column = group.y * 16u + lane % 16u;
  let column = min(own_column, 15u);
  let first = group.x * 128u + line;
  let end = min((group.x + 1u) * 128u, 8u);
  let center = mean[column];
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var row = first; row < end; row += 16u) {
    let e = row * 16u + column;
    let arriving = select(vec4<f32>(), dy[e], y[e] > vec4<f32>());
    sum += arriving;
    product += arriving * (x[e] - center);
    kept[e] = arriving;
  }
  sums[lane] = sum;
  products[lane] = product;
  for (var half = 128u; half >= 16u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (line == 0u && own_column < 16u) {
    let at = (group.x * 16u + column) * 2u;
    partial[at] = sums[lane];
    partial[at + 1u] = products[lane];
  }
}

// batchNormGrad relu 2×64×2×2, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> coefficients: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dx: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 128u) { return; }
  let at = (i % 16u) * 4u;
  let centered = x[i] - coefficients[at];
  let arriving = select(vec4<f32>(), dy[i], y[i] > vec4<f32>());
  dx[i] = coefficients[at + 1u] * (arriving - coefficients[at + 2u] - centered * coefficients[at + 3u]);
}

// adam 134352×4, workgroups 525×1×1
@group(0) @binding(0) var<storage, read> rate: array<f32>;
@group(0) @binding(1) var<storage, read> power1: array<f32>;
@group(0) @binding(2) var<storage, read> power2: array<f32>;
@group(0) @binding(3) var<storage, read_write> p: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> g: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> m: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> v: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 134352u) { return; }
  let correction = sqrt(1.0 - power2[0]);
  let step = rate[0] * correction / (1.0 - power1[0]);
  let gradient = g[i];
  let mean = 0.8999999761581421f * m[i] + 0.10000000149011612f * gradient;
  let square = 0.9990000128746033f * v[i] + 0.0010000000474974513f * gradient * gradient;
  m[i] = mean;
  v[i] = square;
  p[i] -= step * mean / (sqrt(square) + 9.99999993922529e-9f * correction);
}

// adam power 1×4, workgroups 1×1×1
@group(0) @binding(0) var<storage, read_write> y: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 1u) { return; }
  y[i] = y[i] * 0.8999999761581421f;
}

// With subgroups:

// batchNorm statistics 2×64×32×32, workgroups 16×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> partial: array<vec4<f32>>;

struct Moments { mean: vec4<f32>, squares: vec4<f32>, count: f32 }

fn join(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = select(0.0, b.count / count, count > 0.0);
  let apart = b.mean - a.mean;
  return Moments(a.mean + apart * share, a.squares + b.squares + apart * apart * (a.count * share), count);
}

var<workgroup> moments: array<Moments, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let line = lane / 16u;
  let own_column = group.y * 16u + lane % 16u;
  let column = min(own_column, 15u);
  let first = group.x * 128u + line;
  let end = min((group.x + 1u) * 128u, 2048u);
  let pivot = x[min(first, 2047u) * 16u + column];
  var sum = vec4<f32>();
  var squares = vec4<f32>();
  var count = 0.0;
  for (var row = first; row < end; row += 16u) {
    let e = row * 16u + column;
    let d = x[e] - pivot;
    sum += d;
    squares += d * d;
    count += 1.0;
  }
  let apart = sum / max(count, 1.0);
  let own = Moments(pivot + apart, max(squares - sum * apart, vec4<f32>()), count);
  moments[lane] = own;
  let width = min(subgroup_size, 256u);
  for (var half = 128u; half >= max(width, 16u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = join(moments[lane], moments[lane + half]); }
  }
  workgroupBarrier();
  if (width > 16u) {
    var moments_total = moments[subgroup_lane % width];
    for (var half = width / 2u; half >= 16u; half /= 2u) {
      moments_total = join(moments_total, Moments(subgroupShuffleDown(moments_total.mean, half), subgroupShuffleDown(moments_total.squares, half), subgroupShuffleDown(moments_total.count, half)));
    }
    moments_total = Moments(subgroupShuffle(moments_total.mean, lane % 16u), subgroupShuffle(moments_total.squares, lane % 16u), subgroupShuffle(moments_total.count, lane % 16u));
    workgroupBarrier();
    if (lane < 16u) {
      moments[lane] = moments_total;
    }
  }
  if (line == 0u && own_column < 16u) {
    let at = (group.x * 16u + column) * 2u;
    partial[at] = moments[lane].mean;
    partial[at + 1u] = moments[lane].squares;
  }
}

// batchNorm combine 2×64×32×32, workgroups 16×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> mean: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> variance: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> running_mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> running_variance: array<vec4<f32>>;

struct Moments { mean: vec4<f32>, squares: vec4<f32>, count: f32 }

fn join(a: Moments, b: Moments) -> Moments {
  let count = a.count + b.count;
  let share = select(0.0, b.count / count, count > 0.0);
  let apart = b.mean - a.mean;
  return Moments(a.mean + apart * share, a.squares + b.squares + apart * apart * (a.count * share), count);
}

var<workgroup> moments: array<Moments, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let column = group.x;
  var own = Moments(vec4<f32>(), vec4<f32>(), 0.0);
  for (var g = lane; g < 16u; g += 64u) {
    let at = (g * 16u + column) * 2u;
    let count = f32(min(128u, 2048u - g * 128u));
    own = join(own, Moments(partial[at], partial[at + 1u], count));
  }
  moments[lane] = own;
  let width = min(subgroup_size, 64u);
  for (var half = 32u; half >= max(width, 1u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { moments[lane] = join(moments[lane], moments[lane + half]); }
  }
  workgroupBarrier();
  if (width > 1u) {
    var moments_total = moments[subgroup_lane % width];
    for (var half = width / 2u; half >= 1u; half /= 2u) {
      moments_total = join(moments_total, Moments(subgroupShuffleDown(moments_total.mean, half), subgroupShuffleDown(moments_total.squares, half), subgroupShuffleDown(moments_total.count, half)));
    }
    moments_total = Moments(subgroupShuffle(moments_total.mean, lane % 1u), subgroupShuffle(moments_total.squares, lane % 1u), subgroupShuffle(moments_total.count, lane % 1u));
    workgroupBarrier();
    if (lane < 1u) {
      moments[lane] = moments_total;
    }
  }
  if (lane == 0u) {
    mean[column] = moments[0].mean;
    variance[column] = moments[0].squares * 0.00048828125f;
    running_mean[column] = 0.8999999761581421f * running_mean[column] + 0.10000000149011612f * mean[column];
    running_variance[column] = 0.8999999761581421f * running_variance[column] + 0.10004885494709015f * variance[column];
  }
}

// loss 2×5×16×16, workgroups 4×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> prediction: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> target_maps: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> weight: array<f32>;
@group(0) @binding(3) var<storage, read_write> parts: array<f32>;

fn weights_at(i: u32) -> vec4<f32> {
  let first = (i % 2u) * 4u;
  let person = (i / 512u) * 5u;
  return vec4<f32>(select(0.0, weight[min(person + first + 0u, 9u)], first + 0u < 5u), select(0.0, weight[min(person + first + 1u, 9u)], first + 1u < 5u), select(0.0, weight[min(person + first + 2u, 9u)], first + 2u < 5u), select(0.0, weight[min(person + first + 3u, 9u)], first + 3u < 5u));
}

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  var sum = 0.0;
  for (var i = group.x * 256u + lane; i < 1024u; i += 1024u) {
    let d = weights_at(i) * (prediction[i] - target_maps[i]);
    sum += dot(d, d);
  }
  sums[lane] = sum;
  let width = min(subgroup_size, 256u);
  for (var half = 128u; half >= max(width, 1u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; }
  }
  workgroupBarrier();
  if (width > 1u) {
    var sums_total = sums[subgroup_lane % width];
    for (var half = width / 2u; half >= 1u; half /= 2u) {
      sums_total = sums_total + subgroupShuffleDown(sums_total, half);
    }
    sums_total = subgroupShuffle(sums_total, lane % 1u);
    workgroupBarrier();
    if (lane < 1u) {
      sums[lane] = sums_total;
    }
  }
  if (lane == 0u) { parts[group.x] = sums[0]; }
}

// loss sum of 4, workgroups 1×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> parts: array<f32>;
@group(0) @binding(1) var<storage, read_write> loss: array<vec4<f32>>;

var<workgroup> sums: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  sums[lane] = 0.0;
  if (lane < 4u) { sums[lane] = parts[lane]; }
  let width = min(subgroup_size, 256u);
  for (var half = 128u; half >= max(width, 1u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; }
  }
  workgroupBarrier();
  if (width > 1u) {
    var sums_total = sums[subgroup_lane % width];
    for (var half = width / 2u; half >= 1u; half /= 2u) {
      sums_total = sums_total + subgroupShuffleDown(sums_total, half);
    }
    sums_total = subgroupShuffle(sums_total, lane % 1u);
    workgroupBarrier();
    if (lane < 1u) {
      sums[lane] = sums_total;
    }
  }
  if (lane == 0u) { loss[0] = vec4<f32>(0.00019531250291038305f * sums[0], 0.0, 0.0, 0.0); }
}

// batchNormGrad sums 2×8×2×2, workgroups 1×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> partial: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 256>;
var<workgroup> products: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let line = lane / 2u;
  let own_column = group.y * 2u + lane % 2u;
  let column = min(own_column, 1u);
  let first = group.x * 1024u + line;
  let end = min((group.x + 1u) * 1024u, 8u);
  let center = mean[column];
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var row = first; row < end; row += 128u) {
    let e = row * 2u + column;
    let arriving = dy[e];
    sum += arriving;
    product += arriving * (x[e] - center);
  }
  sums[lane] = sum;
  products[lane] = product;
  let width = min(subgroup_size, 256u);
  for (var half = 128u; half >= max(width, 2u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (width > 2u) {
    var sums_total = sums[subgroup_lane % width];
    var products_total = products[subgroup_lane % width];
    for (var half = width / 2u; half >= 2u; half /= 2u) {
      sums_total = sums_total + subgroupShuffleDown(sums_total, half);
      products_total = products_total + subgroupShuffleDown(products_total, half);
    }
    sums_total = subgroupShuffle(sums_total, lane % 2u);
    products_total = subgroupShuffle(products_total, lane % 2u);
    workgroupBarrier();
    if (lane < 2u) {
      sums[lane] = sums_total;
      products[lane] = products_total;
    }
  }
  if (line == 0u && own_column < 2u) {
    let at = (group.x * 2u + column) * 2u;
    partial[at] = sums[lane];
    partial[at + 1u] = products[lane];
  }
}

// batchNormGrad combine 2×8×2×2, workgroups 2×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> partial: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> gamma: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> variance: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> dgamma: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> dbeta: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> coefficients: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 64>;
var<workgroup> products: array<vec4<f32>, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let column = group.x;
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var g = lane; g < 1u; g += 64u) {
    let at = (g * 2u + column) * 2u;
    sum += partial[at];
    product += partial[at + 1u];
  }
  sums[lane] = sum;
  products[lane] = product;
  let width = min(subgroup_size, 64u);
  for (var half = 32u; half >= max(width, 1u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (width > 1u) {
    var sums_total = sums[subgroup_lane % width];
    var products_total = products[subgroup_lane % width];
    for (var half = width / 2u; half >= 1u; half /= 2u) {
      sums_total = sums_total + subgroupShuffleDown(sums_total, half);
      products_total = products_total + subgroupShuffleDown(products_total, half);
    }
    sums_total = subgroupShuffle(sums_total, lane % 1u);
    products_total = subgroupShuffle(products_total, lane % 1u);
    workgroupBarrier();
    if (lane < 1u) {
      sums[lane] = sums_total;
      products[lane] = products_total;
    }
  }
  if (lane == 0u) {
    let inverse = inverseSqrt(variance[column] + 0.000009999999747378752f);
    let by_gamma = products[0] * inverse;
    dgamma[column] = by_gamma;
    dbeta[column] = sums[0];
    coefficients[column * 4u] = mean[column];
    coefficients[column * 4u + 1u] = gamma[column] * inverse;
    coefficients[column * 4u + 2u] = sums[0] * 0.125f;
    coefficients[column * 4u + 3u] = by_gamma * inverse * 0.125f;
  }
}

// batchNormGrad sums kept 2×64×2×2, workgroups 1×1×1
enable subgroups;
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> y: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> mean: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> partial: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> kept: array<vec4<f32>>;

var<workgroup> sums: array<vec4<f32>, 256>;
var<workgroup> products: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_size) subgroup_size: u32, @builtin(subgroup_invocation_id) subgroup_lane: u32) {
  let line = lane / 16u;
  let own_column = group.y * 16u + lane % 16u;
  let column = min(own_column, 15u);
  let first = group.x * 128u + line;
  let end = min((group.x + 1u) * 128u, 8u);
  let center = mean[column];
  var sum = vec4<f32>();
  var product = vec4<f32>();
  for (var row = first; row < end; row += 16u) {
    let e = row * 16u + column;
    let arriving = select(vec4<f32>(), dy[e], y[e] > vec4<f32>());
    sum += arriving;
    product += arriving * (x[e] - center);
    kept[e] = arriving;
  }
  sums[lane] = sum;
  products[lane] = product;
  let width = min(subgroup_size, 256u);
  for (var half = 128u; half >= max(width, 16u); half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; products[lane] = products[lane] + products[lane + half]; }
  }
  workgroupBarrier();
  if (width > 16u) {
    var sums_total = sums[subgroup_lane % width];
    var products_total = products[subgroup_lane % width];
    for (var half = width / 2u; half >= 16u; half /= 2u) {
      sums_total = sums_total + subgroupShuffleDown(sums_total, half);
      products_total = products_total + subgroupShuffleDown(products_total, half);
    }
    sums_total = subgroupShuffle(sums_total, lane % 16u);
    products_total = subgroupShuffle(products_total, lane % 16u);
    workgroupBarrier();
    if (lane < 16u) {
      sums[lane] = sums_total;
      products[lane] = products_total;
    }
  }
  if (line == 0u && own_column < 16u) {
    let at = (group.x * 16u + column) * 2u;
    partial[at] = sums[lane];
    partial[at + 1u] = products[lane];
  }
}
