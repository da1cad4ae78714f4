// conv2d bias residual relu 3×3 s2 3→32 10×14 tile 16x32x32 4x4*2, workgroups 5×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> bias: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> y: array<vec4<f32>>;
var<workgroup> tile_a: array<vec4<f32>, 256>;
var<workgroup> tile_b: array<vec4<f32>, 512>;

struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grid = PixelGrid(5, 7, -1, -1, 3, 3, 0, 0, 0, 0, 0);

fn store(p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 8u) { return; }
  let at = p * 8u + column;
  var sum = sums;
  sum += bias[column];
  sum += residual[at];
  sum = select(sum, vec4<f32>(), sum < vec4<f32>());
  y[at] = sum;
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 8u;
  let block = number / 1u;
  let first_row = (block - grid.block) * 16u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 8u;
  let tx = lane % 8u;
  let q = lane % 8u;
  let p0 = first_row + lane / 8u;
  let y0 = select(-65536, i32(p0 / grid.columns % grid.rows) * 2 + grid.origin_y, p0 < pixels);
  let x0 = i32(p0 % grid.columns) * 2 + grid.origin_x;
  let at0 = ((i32(p0 / (grid.rows * grid.columns)) * 10 + y0) * 14 + x0) * 1;
  let p1 = first_row + lane / 8u + 4u;
  let y1 = select(-65536, i32(p1 / grid.columns % grid.rows) * 2 + grid.origin_y, p1 < pixels);
  let x1 = i32(p1 % grid.columns) * 2 + grid.origin_x;
  let at1 = ((i32(p1 / (grid.rows * grid.columns)) * 10 + y1) * 14 + x1) * 1;
  let p2 = first_row + lane / 8u + 8u;
  let y2 = select(-65536, i32(p2 / grid.columns % grid.rows) * 2 + grid.origin_y, p2 < pixels);
  let x2 = i32(p2 % grid.columns) * 2 + grid.origin_x;
  let at2 = ((i32(p2 / (grid.rows * grid.columns)) * 10 + y2) * 14 + x2) * 1;
  let p3 = first_row + lane / 8u + 12u;
  let y3 = select(-65536, i32(p3 / grid.columns % grid.rows) * 2 + grid.origin_y, p3 < pixels);
  let x3 = i32(p3 % grid.columns) * 2 + grid.origin_x;
  let at3 = ((i32(p3 / (grid.rows * grid.columns)) * 10 + y3) * 14 + x3) * 1;
  let column = first_column + lane % 8u;
  let steps = (grid.taps_y * grid.taps_x * 1u + 7u) / 8u;
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var next = 0u; next <= steps; next++) {
    var a0 = vec4<f32>();
    var a1 = vec4<f32>();
    var a2 = vec4<f32>();
    var a3 = vec4<f32>();
    var b0 = vec4<f32>();
    var b1 = vec4<f32>();
    var b2 = vec4<f32>();
    var b3 = vec4<f32>();
    var b4 = vec4<f32>();
    var b5 = vec4<f32>();
    var b6 = vec4<f32>();
    var b7 = vec4<f32>();
    if (next < steps) {
      let step = next;
      let depth = step * 8u + q;
      let tap = depth / 1u;
      let channel = depth % 1u;
      let u = i32(tap / grid.taps_x);
      let v = i32(tap % grid.taps_x);
      let shift = i32(channel) + (u * 14 + v) * 1;
      if (tap < grid.taps_y * grid.taps_x && u32(y0 + u) < 10u && u32(x0 + v) < 14u) { a0 = x[at0 + shift]; }
      if (tap < grid.taps_y * grid.taps_x && u32(y1 + u) < 10u && u32(x1 + v) < 14u) { a1 = x[at1 + shift]; }
      if (tap < grid.taps_y * grid.taps_x && u32(y2 + u) < 10u && u32(x2 + v) < 14u) { a2 = x[at2 + shift]; }
      if (tap < grid.taps_y * grid.taps_x && u32(y3 + u) < 10u && u32(x3 + v) < 14u) { a3 = x[at3 + shift]; }
      {
        let row = step * 32u + lane / 8u;
        if (row < 36u) { b0 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 4u;
        if (row < 36u) { b1 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 8u;
        if (row < 36u) { b2 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 12u;
        if (row < 36u) { b3 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 16u;
        if (row < 36u) { b4 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 20u;
        if (row < 36u) { b5 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 24u;
        if (row < 36u) { b6 = w[row * 8u + column]; }
      }
      {
        let row = step * 32u + lane / 8u + 28u;
        if (row < 36u) { b7 = w[row * 8u + column]; }
      }
    }
    if (next > 0u) {
      let full = (next + 1u) % 2u;
      for (var k = 0u; k < 8u; k++) {
        let a0 = tile_a[full * 128u + (ty) * 8u + k];
        let a1 = tile_a[full * 128u + (ty + 4u) * 8u + k];
        let a2 = tile_a[full * 128u + (ty + 8u) * 8u + k];
        let a3 = tile_a[full * 128u + (ty + 12u) * 8u + k];
        {
          let b0 = tile_b[full * 256u + (k * 4u + 0u) * 8u + tx];
          sum_0_0 += a0.x * b0;
          sum_1_0 += a1.x * b0;
          sum_2_0 += a2.x * b0;
          sum_3_0 += a3.x * b0;
        }
        {
          let b0 = tile_b[full * 256u + (k * 4u + 1u) * 8u + tx];
          sum_0_0 += a0.y * b0;
          sum_1_0 += a1.y * b0;
          sum_2_0 += a2.y * b0;
          sum_3_0 += a3.y * b0;
        }
        {
          let b0 = tile_b[full * 256u + (k * 4u + 2u) * 8u + tx];
          sum_0_0 += a0.z * b0;
          sum_1_0 += a1.z * b0;
          sum_2_0 += a2.z * b0;
          sum_3_0 += a3.z * b0;
        }
        {
          let b0 = tile_b[full * 256u + (k * 4u + 3u) * 8u + tx];
          sum_0_0 += a0.w * b0;
          sum_1_0 += a1.w * b0;
          sum_2_0 += a2.w * b0;
          sum_3_0 += a3.w * b0;
        }
      }
    }
    let empty = next % 2u;
    tile_a[empty * 128u + lane] = a0;
    tile_a[empty * 128u + lane + 32u] = a1;
    tile_a[empty * 128u + lane + 64u] = a2;
    tile_a[empty * 128u + lane + 96u] = a3;
    tile_b[empty * 256u + lane] = b0;
    tile_b[empty * 256u + lane + 32u] = b1;
    tile_b[empty * 256u + lane + 64u] = b2;
    tile_b[empty * 256u + lane + 96u] = b3;
    tile_b[empty * 256u + lane + 128u] = b4;
    tile_b[empty * 256u + lane + 160u] = b5;
    tile_b[empty * 256u + lane + 192u] = b6;
    tile_b[empty * 256u + lane + 224u] = b7;
    workgroupBarrier();
  }
  store(first_row + ty, first_column + tx, sum_0_0);
  store(first_row + ty + 4u, first_column + tx, sum_1_0);
  store(first_row + ty + 8u, first_column + tx, sum_2_0);
  store(first_row + ty + 12u, first_column + tx, sum_3_0);
}

// conv2dGradInput residual 3×3 s2 3→32 10×14 tile 16x32x32 4x4, workgroups 20×1×1
@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> residual: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> dx: array<vec4<f32>>;
var<workgroup> tile_a: array<vec4<f32>, 128>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grids = array<PixelGrid, 4>(
  PixelGrid(5, 7, 1, 1, 2, 2, 0, 0, 1, 1, 0),
  PixelGrid(5, 7, 1, 0, 2, 1, 0, 1, 1, 0, 5),
  PixelGrid(5, 7, 0, 1, 1, 2, 1, 0, 0, 1, 10),
  PixelGrid(5, 7, 0, 0, 1, 1, 1, 1, 0, 0, 15),
);

fn store(grid: PixelGrid, p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 1u) { return; }
  let at = ((p / (grid.rows * grid.columns) * 10u + p / grid.columns % grid.rows * 2u + grid.first_y) * 14u + p % grid.columns * 2u + grid.first_x) * 1u + column;
  var sum = sums;
  sum += residual[at];
  dx[at] = sum;
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 8u;
  let block = number / 1u;
  let grid = grids[u32(block >= 5u) + u32(block >= 10u) + u32(block >= 15u)];
  let first_row = (block - grid.block) * 16u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 8u;
  let tx = lane % 8u;
  let q = lane % 8u;
  let p0 = first_row + lane / 8u;
  let y0 = select(-65536, i32(p0 / grid.columns % grid.rows) * 1 + grid.origin_y, p0 < pixels);
  let x0 = i32(p0 % grid.columns) * 1 + grid.origin_x;
  let at0 = ((i32(p0 / (grid.rows * grid.columns)) * 5 + y0) * 7 + x0) * 8;
  let p1 = first_row + lane / 8u + 4u;
  let y1 = select(-65536, i32(p1 / grid.columns % grid.rows) * 1 + grid.origin_y, p1 < pixels);
  let x1 = i32(p1 % grid.columns) * 1 + grid.origin_x;
  let at1 = ((i32(p1 / (grid.rows * grid.columns)) * 5 + y1) * 7 + x1) * 8;
  let p2 = first_row + lane / 8u + 8u;
  let y2 = select(-65536, i32(p2 / grid.columns % grid.rows) * 1 + grid.origin_y, p2 < pixels);
  let x2 = i32(p2 % grid.columns) * 1 + grid.origin_x;
  let at2 = ((i32(p2 / (grid.rows * grid.columns)) * 5 + y2) * 7 + x2) * 8;
  let p3 = first_row + lane / 8u + 12u;
  let y3 = select(-65536, i32(p3 / grid.columns % grid.rows) * 1 + grid.origin_y, p3 < pixels);
  let x3 = i32(p3 % grid.columns) * 1 + grid.origin_x;
  let at3 = ((i32(p3 / (grid.rows * grid.columns)) * 5 + y3) * 7 + x3) * 8;

  let steps = grid.taps_y * grid.taps_x * 1u;
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var step = 0u; step < steps; step++) {
    var a0 = vec4<f32>();
    var a1 = vec4<f32>();
    var a2 = vec4<f32>();
    var a3 = vec4<f32>();
    var b0_0 = vec4<f32>();
    var b0_1 = vec4<f32>();
    var b0_2 = vec4<f32>();
    var b0_3 = vec4<f32>();
    var b1_0 = vec4<f32>();
    var b1_1 = vec4<f32>();
    var b1_2 = vec4<f32>();
    var b1_3 = vec4<f32>();
    let tap = step / 1u;
    let channel = step % 1u * 8u + q;
    let u = i32(tap / grid.taps_x);
    let v = i32(tap % grid.taps_x);
    let shift = i32(channel) - (u * 7 + v) * 8;
    if (u32(y0 - u) < 5u && u32(x0 - v) < 7u) { a0 = dy[at0 + shift]; }
    if (u32(y1 - u) < 5u && u32(x1 - v) < 7u) { a1 = dy[at1 + shift]; }
    if (u32(y2 - u) < 5u && u32(x2 - v) < 7u) { a2 = dy[at2 + shift]; }
    if (u32(y3 - u) < 5u && u32(x3 - v) < 7u) { a3 = dy[at3 + shift]; }
    let weight_tap = (grid.first_u + u32(u) * 2u) * 3u + grid.first_v + u32(v) * 2u;
    {
      let column = first_column + lane / 8u;
      if (column < 1u) {
        let at = (weight_tap * 4u + column * 4u) * 8u + channel;
        b0_0 = w[at];
        b0_1 = w[at + 8u];
        b0_2 = w[at + 16u];
        b0_3 = w[at + 24u];
      }
    }
    {
      let column = first_column + lane / 8u + 4u;
      if (column < 1u) {
        let at = (weight_tap * 4u + column * 4u) * 8u + channel;
        b1_0 = w[at];
        b1_1 = w[at + 8u];
        b1_2 = w[at + 16u];
        b1_3 = w[at + 24u];
      }
    }
    workgroupBarrier();
    tile_a[0u + lane] = a0;
    tile_a[0u + lane + 32u] = a1;
    tile_a[0u + lane + 64u] = a2;
    tile_a[0u + lane + 96u] = a3;
    {
      let place = 0u + q * 32u + lane / 8u;
      tile_b[place] = vec4<f32>(b0_0.x, b0_1.x, b0_2.x, b0_3.x);
      tile_b[place + 8u] = vec4<f32>(b0_0.y, b0_1.y, b0_2.y, b0_3.y);
      tile_b[place + 16u] = vec4<f32>(b0_0.z, b0_1.z, b0_2.z, b0_3.z);
      tile_b[place + 24u] = vec4<f32>(b0_0.w, b0_1.w, b0_2.w, b0_3.w);
    }
    {
      let place = 0u + q * 32u + lane / 8u + 4u;
      tile_b[place] = vec4<f32>(b1_0.x, b1_1.x, b1_2.x, b1_3.x);
      tile_b[place + 8u] = vec4<f32>(b1_0.y, b1_1.y, b1_2.y, b1_3.y);
      tile_b[place + 16u] = vec4<f32>(b1_0.z, b1_1.z, b1_2.z, b1_3.z);
      tile_b[place + 24u] = vec4<f32>(b1_0.w, b1_1.w, b1_2.w, b1_3.w);
    }
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let a0 = tile_a[0u + (ty) * 8u + k];
      let a1 = tile_a[0u + (ty + 4u) * 8u + k];
      let a2 = tile_a[0u + (ty + 8u) * 8u + k];
      let a3 = tile_a[0u + (ty + 12u) * 8u + k];
      {
        let b0 = tile_b[0u + (k * 4u + 0u) * 8u + tx];
        sum_0_0 += a0.x * b0;
        sum_1_0 += a1.x * b0;
        sum_2_0 += a2.x * b0;
        sum_3_0 += a3.x * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 1u) * 8u + tx];
        sum_0_0 += a0.y * b0;
        sum_1_0 += a1.y * b0;
        sum_2_0 += a2.y * b0;
        sum_3_0 += a3.y * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 2u) * 8u + tx];
        sum_0_0 += a0.z * b0;
        sum_1_0 += a1.z * b0;
        sum_2_0 += a2.z * b0;
        sum_3_0 += a3.z * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 3u) * 8u + tx];
        sum_0_0 += a0.w * b0;
        sum_1_0 += a1.w * b0;
        sum_2_0 += a2.w * b0;
        sum_3_0 += a3.w * b0;
      }
    }
  }
  store(grid, first_row + ty, first_column + tx, sum_0_0);
  store(grid, first_row + ty + 4u, first_column + tx, sum_1_0);
  store(grid, first_row + ty + 8u, first_column + tx, sum_2_0);
  store(grid, first_row + ty + 12u, first_column + tx, sum_3_0);
}

// conv2dGradWeight 3×3 s2 3→32 10×14 tile 16x32x32 4x4/3, workgroups 9×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> scratch: array<vec4<f32>>;
var<workgroup> tile_a: array<vec4<f32>, 128>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

fn store(stretch: u32, row: u32, column: u32, sum: vec4<f32>) {
  if (row >= 36u || column >= 8u) { return; }
  scratch[(stretch * 36u + row) * 8u + column] = sum;
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 8u;
  let first_row = number / 1u % 3u * 16u;
  let stretch = number / 3u;
  let first_pixel = stretch * 32u;
  let past = min(first_pixel + 32u, 70u);
  let ty = lane / 8u;
  let tx = lane % 8u;
  let row = first_row / 4u + lane % 4u;
  let channel = i32(row % 1u);
  let down = i32(row / 3u) - 1;
  let right = i32(row / 1u % 3u) - 1;
  let column = first_column + lane % 8u;
  let steps = (past - first_pixel + 31u) / 32u;
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var step = 0u; step < steps; step++) {
    var a0 = vec4<f32>();
    var a1 = vec4<f32>();
    var a2 = vec4<f32>();
    var a3 = vec4<f32>();
    var b0 = vec4<f32>();
    var b1 = vec4<f32>();
    var b2 = vec4<f32>();
    var b3 = vec4<f32>();
    var b4 = vec4<f32>();
    var b5 = vec4<f32>();
    var b6 = vec4<f32>();
    var b7 = vec4<f32>();
    {
      let p = first_pixel + step * 32u + lane / 4u;
      let y = i32(p / 7u % 5u) * 2 + down;
      let z = i32(p % 7u) * 2 + right;
      if (p < past && row < 9u && u32(y) < 10u && u32(z) < 14u) {
        a0 = x[((i32(p / 35u) * 10 + y) * 14 + z) * 1 + channel];
      }
    }
    {
      let p = first_pixel + step * 32u + lane / 4u + 8u;
      let y = i32(p / 7u % 5u) * 2 + down;
      let z = i32(p % 7u) * 2 + right;
      if (p < past && row < 9u && u32(y) < 10u && u32(z) < 14u) {
        a1 = x[((i32(p / 35u) * 10 + y) * 14 + z) * 1 + channel];
      }
    }
    {
      let p = first_pixel + step * 32u + lane / 4u + 16u;
      let y = i32(p / 7u % 5u) * 2 + down;
      let z = i32(p % 7u) * 2 + right;
      if (p < past && row < 9u && u32(y) < 10u && u32(z) < 14u) {
        a2 = x[((i32(p / 35u) * 10 + y) * 14 + z) * 1 + channel];
      }
    }
    {
      let p = first_pixel + step * 32u + lane / 4u + 24u;
      let y = i32(p / 7u % 5u) * 2 + down;
      let z = i32(p % 7u) * 2 + right;
      if (p < past && row < 9u && u32(y) < 10u && u32(z) < 14u) {
        a3 = x[((i32(p / 35u) * 10 + y) * 14 + z) * 1 + channel];
      }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u;
      if (p < past) { b0 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 4u;
      if (p < past) { b1 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 8u;
      if (p < past) { b2 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 12u;
      if (p < past) { b3 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 16u;
      if (p < past) { b4 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 20u;
      if (p < past) { b5 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 24u;
      if (p < past) { b6 = dy[p * 8u + column]; }
    }
    {
      let p = first_pixel + step * 32u + lane / 8u + 28u;
      if (p < past) { b7 = dy[p * 8u + column]; }
    }
    workgroupBarrier();
    tile_a[0u + lane] = a0;
    tile_a[0u + lane + 32u] = a1;
    tile_a[0u + lane + 64u] = a2;
    tile_a[0u + lane + 96u] = a3;
    tile_b[0u + lane] = b0;
    tile_b[0u + lane + 32u] = b1;
    tile_b[0u + lane + 64u] = b2;
    tile_b[0u + lane + 96u] = b3;
    tile_b[0u + lane + 128u] = b4;
    tile_b[0u + lane + 160u] = b5;
    tile_b[0u + lane + 192u] = b6;
    tile_b[0u + lane + 224u] = b7;
    workgroupBarrier();
    for (var k = 0u; k < 32u; k++) {
      let a0 = tile_a[0u + k * 4u + ty];
      let b0 = tile_b[0u + (k) * 8u + tx];
      sum_0_0 += a0.x * b0;
      sum_1_0 += a0.y * b0;
      sum_2_0 += a0.z * b0;
      sum_3_0 += a0.w * b0;
    }
  }
  store(stretch, first_row + (ty) * 4u, first_column + tx, sum_0_0);
  store(stretch, first_row + (ty) * 4u + 1u, first_column + tx, sum_1_0);
  store(stretch, first_row + (ty) * 4u + 2u, first_column + tx, sum_2_0);
  store(stretch, first_row + (ty) * 4u + 3u, first_column + tx, sum_3_0);
}

// conv2dGradWeight sum 3×3 s2 3→32 10×14 3, workgroups 2×1×1
@group(0) @binding(0) var<storage, read> scratch: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> dw: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 288u) { return; }
  var sum = vec4<f32>();
  if (i < 288u) {
    for (var part = 0u; part < 3u; part += 1u) {
      sum += scratch[part * 288u + i];
    }
  }
  dw[i] = sum;
}

// conv2dGradBias 3×3 s2 3→32 10×14, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> scratch: array<vec4<f32>>;
var<workgroup> sums: array<vec4<f32>, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let column = number % 1u * 8u + lane % 8u;
  let stretch = number / 1u;
  let past = min((stretch + 1u) * 70u, 70u);
  var sum = vec4<f32>();
  if (column < 8u) {
    for (var p = stretch * 70u + lane / 8u; p < past; p += 32u) {
      sum += dy[p * 8u + column];
    }
  }
  sums[lane] = sum;
  for (var half = 128u; half >= 8u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { sums[lane] = sums[lane] + sums[lane + half]; }
  }
  workgroupBarrier();
  if (lane < 8u && column < 8u) { scratch[stretch * 8u + column] = sums[lane]; }
}

// conv2dGradBias sum 3×3 s2 3→32 10×14, workgroups 1×1×1
@group(0) @binding(0) var<storage, read> scratch: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> db: array<vec4<f32>>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let i = (group.y * 65535u + group.x) * 256u + lane;
  if (i >= 8u) { return; }
  var sum = vec4<f32>();
  if (i < 8u) {
    for (var part = 0u; part < 1u; part += 1u) {
      sum += scratch[part * 8u + i];
    }
  }
  db[i] = sum;
}

// conv2d 1×1 s1 64→32 6×5 tile 16x32x32 4x4, workgroups 4×1×1
@group(0) @binding(0) var<storage, read> x: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;

fn widen(halves: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
}

fn narrow(floats: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(floats);
  let odd = (bits >> vec4<u32>(13u)) & vec4<u32>(1u);
  let rounded = bitcast<vec4<f32>>((bits + odd + vec4<u32>(0xfffu)) & vec4<u32>(0xffffe000u));
  let beyond = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(0x477ff000u);
  let held = select(rounded, vec4<f32>(), beyond);
  let nan = select(vec4<u32>(), vec4<u32>(0x7e00u), beyond);
  return vec2<u32>(pack2x16float(held.xy), pack2x16float(held.zw)) | nan.xz | (nan.yw << vec2<u32>(16u));
}

var<workgroup> tile_a: array<vec4<f32>, 128>;
var<workgroup> tile_b: array<vec4<f32>, 256>;

struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grid = PixelGrid(6, 5, 0, 0, 1, 1, 0, 0, 0, 0, 0);

fn store(p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 8u) { return; }
  let at = p * 8u + column;
  var sum = sums;
  y[at] = narrow(sum);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 8u;
  let block = number / 1u;
  let first_row = (block - grid.block) * 16u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 8u;
  let tx = lane % 8u;
  let q = lane % 8u;
  let p0 = first_row + lane / 8u;
  let p1 = first_row + lane / 8u + 4u;
  let p2 = first_row + lane / 8u + 8u;
  let p3 = first_row + lane / 8u + 12u;
  let column = first_column + lane % 8u;
  let steps = grid.taps_y * grid.taps_x * 2u;
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var step = 0u; step < steps; step++) {
    var a0 = vec2<u32>();
    var a1 = vec2<u32>();
    var a2 = vec2<u32>();
    var a3 = vec2<u32>();
    var b0 = vec4<f32>();
    var b1 = vec4<f32>();
    var b2 = vec4<f32>();
    var b3 = vec4<f32>();
    var b4 = vec4<f32>();
    var b5 = vec4<f32>();
    var b6 = vec4<f32>();
    var b7 = vec4<f32>();
    let tap = step / 2u;
    let channel = step % 2u * 8u + q;
    if (p0 < pixels) { a0 = x[p0 * 16u + channel]; }
    if (p1 < pixels) { a1 = x[p1 * 16u + channel]; }
    if (p2 < pixels) { a2 = x[p2 * 16u + channel]; }
    if (p3 < pixels) { a3 = x[p3 * 16u + channel]; }
    {
      let row = step * 32u + lane / 8u;
      { b0 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 4u;
      { b1 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 8u;
      { b2 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 12u;
      { b3 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 16u;
      { b4 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 20u;
      { b5 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 24u;
      { b6 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 28u;
      { b7 = w[row * 8u + column]; }
    }
    workgroupBarrier();
    tile_a[0u + lane] = widen(a0);
    tile_a[0u + lane + 32u] = widen(a1);
    tile_a[0u + lane + 64u] = widen(a2);
    tile_a[0u + lane + 96u] = widen(a3);
    tile_b[0u + lane] = b0;
    tile_b[0u + lane + 32u] = b1;
    tile_b[0u + lane + 64u] = b2;
    tile_b[0u + lane + 96u] = b3;
    tile_b[0u + lane + 128u] = b4;
    tile_b[0u + lane + 160u] = b5;
    tile_b[0u + lane + 192u] = b6;
    tile_b[0u + lane + 224u] = b7;
    workgroupBarrier();
    for (var k = 0u; k < 8u; k++) {
      let a0 = tile_a[0u + (ty) * 8u + k];
      let a1 = tile_a[0u + (ty + 4u) * 8u + k];
      let a2 = tile_a[0u + (ty + 8u) * 8u + k];
      let a3 = tile_a[0u + (ty + 12u) * 8u + k];
      {
        let b0 = tile_b[0u + (k * 4u + 0u) * 8u + tx];
        sum_0_0 += a0.x * b0;
        sum_1_0 += a1.x * b0;
        sum_2_0 += a2.x * b0;
        sum_3_0 += a3.x * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 1u) * 8u + tx];
        sum_0_0 += a0.y * b0;
        sum_1_0 += a1.y * b0;
        sum_2_0 += a2.y * b0;
        sum_3_0 += a3.y * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 2u) * 8u + tx];
        sum_0_0 += a0.z * b0;
        sum_1_0 += a1.z * b0;
        sum_2_0 += a2.z * b0;
        sum_3_0 += a3.z * b0;
      }
      {
        let b0 = tile_b[0u + (k * 4u + 3u) * 8u + tx];
        sum_0_0 += a0.w * b0;
        sum_1_0 += a1.w * b0;
        sum_2_0 += a2.w * b0;
        sum_3_0 += a3.w * b0;
      }
    }
  }
  store(first_row + ty, first_column + tx, sum_0_0);
  store(first_row + ty + 4u, first_column + tx, sum_1_0);
  store(first_row + ty + 8u, first_column + tx, sum_2_0);
  store(first_row + ty + 12u, first_column + tx, sum_3_0);
}

// conv2d 3×3 s2 8→4 6×5 tile 16x16x4 4x4*0, workgroups 2×1×1
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec4<f32>>;


struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grid = PixelGrid(3, 3, -1, -1, 3, 3, 0, 0, 0, 0, 0);

fn store(p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 1u) { return; }
  let at = p * 1u + column;
  var sum = sums;
  y[at] = sum;
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 4u;
  let block = number / 1u;
  let first_row = (block - grid.block) * 16u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 4u;
  let tx = lane % 4u;
  let p0 = first_row + ty;
  let y0 = select(-65536, i32(p0 / grid.columns % grid.rows) * 2 + grid.origin_y, p0 < pixels);
  let x0 = i32(p0 % grid.columns) * 2 + grid.origin_x;
  let at0 = ((i32(p0 / (grid.rows * grid.columns)) * 6 + y0) * 5 + x0) * 2;
  let p1 = first_row + ty + 4u;
  let y1 = select(-65536, i32(p1 / grid.columns % grid.rows) * 2 + grid.origin_y, p1 < pixels);
  let x1 = i32(p1 % grid.columns) * 2 + grid.origin_x;
  let at1 = ((i32(p1 / (grid.rows * grid.columns)) * 6 + y1) * 5 + x1) * 2;
  let p2 = first_row + ty + 8u;
  let y2 = select(-65536, i32(p2 / grid.columns % grid.rows) * 2 + grid.origin_y, p2 < pixels);
  let x2 = i32(p2 % grid.columns) * 2 + grid.origin_x;
  let at2 = ((i32(p2 / (grid.rows * grid.columns)) * 6 + y2) * 5 + x2) * 2;
  let p3 = first_row + ty + 12u;
  let y3 = select(-65536, i32(p3 / grid.columns % grid.rows) * 2 + grid.origin_y, p3 < pixels);
  let x3 = i32(p3 % grid.columns) * 2 + grid.origin_x;
  let at3 = ((i32(p3 / (grid.rows * grid.columns)) * 6 + y3) * 5 + x3) * 2;
  let column0 = i32(min(first_column + tx, 0u));
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var tap = 0; tap < i32(grid.taps_y * grid.taps_x); tap++) {
    let u = tap / i32(grid.taps_x);
    let v = tap % i32(grid.taps_x);
    let inside0 = u32(y0 + u) < 6u && u32(x0 + v) < 5u;
    let from0 = select(0, at0 + (u * 5 + v) * 2, inside0);
    let inside1 = u32(y1 + u) < 6u && u32(x1 + v) < 5u;
    let from1 = select(0, at1 + (u * 5 + v) * 2, inside1);
    let inside2 = u32(y2 + u) < 6u && u32(x2 + v) < 5u;
    let from2 = select(0, at2 + (u * 5 + v) * 2, inside2);
    let inside3 = u32(y3 + u) < 6u && u32(x3 + v) < 5u;
    let from3 = select(0, at3 + (u * 5 + v) * 2, inside3);
    let weight_tap = tap;
    for (var channel = 0; channel < 2; channel++) {
      let a0 = select(vec4<f32>(), x[from0 + channel], inside0);
      let a1 = select(vec4<f32>(), x[from1 + channel], inside1);
      let a2 = select(vec4<f32>(), x[from2 + channel], inside2);
      let a3 = select(vec4<f32>(), x[from3 + channel], inside3);
      {
        let at = ((weight_tap * 2 + channel) * 4) * 1;
        let b0 = w[at + column0];
        sum_0_0 += a0.x * b0;
        sum_1_0 += a1.x * b0;
        sum_2_0 += a2.x * b0;
        sum_3_0 += a3.x * b0;
      }
      {
        let at = ((weight_tap * 2 + channel) * 4 + 1) * 1;
        let b0 = w[at + column0];
        sum_0_0 += a0.y * b0;
        sum_1_0 += a1.y * b0;
        sum_2_0 += a2.y * b0;
        sum_3_0 += a3.y * b0;
      }
      {
        let at = ((weight_tap * 2 + channel) * 4 + 2) * 1;
        let b0 = w[at + column0];
        sum_0_0 += a0.z * b0;
        sum_1_0 += a1.z * b0;
        sum_2_0 += a2.z * b0;
        sum_3_0 += a3.z * b0;
      }
      {
        let at = ((weight_tap * 2 + channel) * 4 + 3) * 1;
        let b0 = w[at + column0];
        sum_0_0 += a0.w * b0;
        sum_1_0 += a1.w * b0;
        sum_2_0 += a2.w * b0;
        sum_3_0 += a3.w * b0;
      }
    }
  }
  store(first_row + ty, first_column + tx, sum_0_0);
  store(first_row + ty + 4u, first_column + tx, sum_1_0);
  store(first_row + ty + 8u, first_column + tx, sum_2_0);
  store(first_row + ty + 12u, first_column + tx, sum_3_0);
}

// conv2dGradInput 3×3 s2 8→4 6×5 tile 16x16x4 4x4*0, workgroups 6×1×1
@group(0) @binding(0) var<storage, read> dy: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> dx: array<vec4<f32>>;


struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grids = array<PixelGrid, 4>(
  PixelGrid(3, 2, 1, 1, 2, 2, 0, 0, 1, 1, 0),
  PixelGrid(3, 3, 1, 0, 2, 1, 0, 1, 1, 0, 1),
  PixelGrid(3, 2, 0, 1, 1, 2, 1, 0, 0, 1, 3),
  PixelGrid(3, 3, 0, 0, 1, 1, 1, 1, 0, 0, 4),
);

fn store(grid: PixelGrid, p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 2u) { return; }
  let at = ((p / (grid.rows * grid.columns) * 6u + p / grid.columns % grid.rows * 2u + grid.first_y) * 5u + p % grid.columns * 2u + grid.first_x) * 2u + column;
  var sum = sums;
  dx[at] = sum;
}

@compute @workgroup_size(16)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let number = group.x;
  let first_column = number % 1u * 4u;
  let block = number / 1u;
  let grid = grids[u32(block >= 1u) + u32(block >= 3u) + u32(block >= 4u)];
  let first_row = (block - grid.block) * 16u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 4u;
  let tx = lane % 4u;
  let p0 = first_row + ty;
  let y0 = select(-65536, i32(p0 / grid.columns % grid.rows) * 1 + grid.origin_y, p0 < pixels);
  let x0 = i32(p0 % grid.columns) * 1 + grid.origin_x;
  let at0 = ((i32(p0 / (grid.rows * grid.columns)) * 3 + y0) * 3 + x0) * 1;
  let p1 = first_row + ty + 4u;
  let y1 = select(-65536, i32(p1 / grid.columns % grid.rows) * 1 + grid.origin_y, p1 < pixels);
  let x1 = i32(p1 % grid.columns) * 1 + grid.origin_x;
  let at1 = ((i32(p1 / (grid.rows * grid.columns)) * 3 + y1) * 3 + x1) * 1;
  let p2 = first_row + ty + 8u;
  let y2 = select(-65536, i32(p2 / grid.columns % grid.rows) * 1 + grid.origin_y, p2 < pixels);
  let x2 = i32(p2 % grid.columns) * 1 + grid.origin_x;
  let at2 = ((i32(p2 / (grid.rows * grid.columns)) * 3 + y2) * 3 + x2) * 1;
  let p3 = first_row + ty + 12u;
  let y3 = select(-65536, i32(p3 / grid.columns % grid.rows) * 1 + grid.origin_y, p3 < pixels);
  let x3 = i32(p3 % grid.columns) * 1 + grid.origin_x;
  let at3 = ((i32(p3 / (grid.rows * grid.columns)) * 3 + y3) * 3 + x3) * 1;
  let column0 = i32(min(first_column + tx, 1u));
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  for (var tap = 0; tap < i32(grid.taps_y * grid.taps_x); tap++) {
    let u = tap / i32(grid.taps_x);
    let v = tap % i32(grid.taps_x);
    let inside0 = u32(y0 - u) < 3u && u32(x0 - v) < 3u;
    let from0 = select(0, at0 - (u * 3 + v) * 1, inside0);
    let inside1 = u32(y1 - u) < 3u && u32(x1 - v) < 3u;
    let from1 = select(0, at1 - (u * 3 + v) * 1, inside1);
    let inside2 = u32(y2 - u) < 3u && u32(x2 - v) < 3u;
    let from2 = select(0, at2 - (u * 3 + v) * 1, inside2);
    let inside3 = u32(y3 - u) < 3u && u32(x3 - v) < 3u;
    let from3 = select(0, at3 - (u * 3 + v) * 1, inside3);
    let weight_tap = (i32(grid.first_u) + u * 2) * 3 + i32(grid.first_v) + v * 2;
    for (var channel = 0; channel < 1; channel++) {
      let a0 = select(vec4<f32>(), dy[from0 + channel], inside0);
      let a1 = select(vec4<f32>(), dy[from1 + channel], inside1);
      let a2 = select(vec4<f32>(), dy[from2 + channel], inside2);
      let a3 = select(vec4<f32>(), dy[from3 + channel], inside3);
      {
        let at = u32((weight_tap * 8 + column0 * 4) * 1 + channel);
        let b0 = w[at];
        let b1 = w[at + 1u];
        let b2 = w[at + 2u];
        let b3 = w[at + 3u];
        sum_0_0 += vec4<f32>(dot(a0, b0), dot(a0, b1), dot(a0, b2), dot(a0, b3));
        sum_1_0 += vec4<f32>(dot(a1, b0), dot(a1, b1), dot(a1, b2), dot(a1, b3));
        sum_2_0 += vec4<f32>(dot(a2, b0), dot(a2, b1), dot(a2, b2), dot(a2, b3));
        sum_3_0 += vec4<f32>(dot(a3, b0), dot(a3, b1), dot(a3, b2), dot(a3, b3));
      }
    }
  }
  store(grid, first_row + ty, first_column + tx, sum_0_0);
  store(grid, first_row + ty + 4u, first_column + tx, sum_1_0);
  store(grid, first_row + ty + 8u, first_column + tx, sum_2_0);
  store(grid, first_row + ty + 12u, first_column + tx, sum_3_0);
}

// conv2d 1×1 s1 64→32 6×5 tile 32x32x32 8x4 by 16x16x16 f16, workgroups 2×1×1
enable chromium_experimental_subgroup_matrix;
enable subgroups;
enable f16;
@group(0) @binding(0) var<storage, read> x: array<vec2<u32>>;
@group(0) @binding(1) var<storage, read> w: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read_write> y: array<vec2<u32>>;

fn widen(halves: vec2<u32>) -> vec4<f32> {
  return vec4<f32>(unpack2x16float(halves.x), unpack2x16float(halves.y));
}

fn narrow(floats: vec4<f32>) -> vec2<u32> {
  let bits = bitcast<vec4<u32>>(floats);
  let odd = (bits >> vec4<u32>(13u)) & vec4<u32>(1u);
  let rounded = bitcast<vec4<f32>>((bits + odd + vec4<u32>(0xfffu)) & vec4<u32>(0xffffe000u));
  let beyond = (bits & vec4<u32>(0x7fffffffu)) >= vec4<u32>(0x477ff000u);
  let held = select(rounded, vec4<f32>(), beyond);
  let nan = select(vec4<u32>(), vec4<u32>(0x7e00u), beyond);
  return vec2<u32>(pack2x16float(held.xy), pack2x16float(held.zw)) | nan.xz | (nan.yw << vec2<u32>(16u));
}

var<workgroup> tile_a: array<f16, 1024>;
var<workgroup> tile_b: array<f16, 1024>;
var<workgroup> results: array<f32, 1024>;

fn put_a(place: u32, vector: vec4<f32>) {
  for (var i = 0u; i < 4u; i++) { tile_a[place * 4u + i] = f16(vector[i]); }
}
fn put_b(place: u32, vector: vec4<f32>) {
  for (var i = 0u; i < 4u; i++) { tile_b[place * 4u + i] = f16(vector[i]); }
}
alias Left = subgroup_matrix_left<f16, 16, 16>;
alias Right = subgroup_matrix_right<f16, 16, 16>;
alias Sum = subgroup_matrix_result<f32, 16, 16>;
fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&tile_a, at, 32u); }
fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right, row_major>(&tile_b, at, 32u); }
fn add_product(a: Left, b: Right, sum: Sum) -> Sum { return subgroupMatrixMultiplyAccumulate(a, b, sum); }
fn store_sum(at: u32, sum: Sum) { subgroupMatrixStore<row_major>(&results, at, sum, 32u); }

struct PixelGrid {
  rows: u32,
  columns: u32,
  origin_y: i32,
  origin_x: i32,
  taps_y: u32,
  taps_x: u32,
  first_u: u32,
  first_v: u32,
  first_y: u32,
  first_x: u32,
  block: u32,
}
const grid = PixelGrid(6, 5, 0, 0, 1, 1, 0, 0, 0, 0, 0);

fn store(p: u32, column: u32, sums: vec4<f32>) {
  if (p >= 2u * grid.rows * grid.columns || column >= 8u) { return; }
  let at = p * 8u + column;
  var sum = sums;
  y[at] = narrow(sum);
}

@compute @workgroup_size(32)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32, @builtin(subgroup_id) subgroup: u32) {
  let number = group.x;
  let first_column = number % 1u * 8u;
  let block = number / 1u;
  let first_row = (block - grid.block) * 32u;
  let pixels = 2u * grid.rows * grid.columns;
  let ty = lane / 8u;
  let tx = lane % 8u;
  let q = lane % 8u;
  let p0 = first_row + lane / 8u;
  let p1 = first_row + lane / 8u + 4u;
  let p2 = first_row + lane / 8u + 8u;
  let p3 = first_row + lane / 8u + 12u;
  let p4 = first_row + lane / 8u + 16u;
  let p5 = first_row + lane / 8u + 20u;
  let p6 = first_row + lane / 8u + 24u;
  let p7 = first_row + lane / 8u + 28u;
  let column = first_column + lane % 8u;
  let steps = grid.taps_y * grid.taps_x * 2u;
  var sum_0_0 = vec4<f32>();
  var sum_1_0 = vec4<f32>();
  var sum_2_0 = vec4<f32>();
  var sum_3_0 = vec4<f32>();
  var sum_4_0 = vec4<f32>();
  var sum_5_0 = vec4<f32>();
  var sum_6_0 = vec4<f32>();
  var sum_7_0 = vec4<f32>();
  let piece_row = subgroup / 1u * 32u;
  let piece_column = subgroup % 1u * 32u;
  var product_0_0 = Sum();
  var product_0_1 = Sum();
  var product_1_0 = Sum();
  var product_1_1 = Sum();
  for (var step = 0u; step < steps; step++) {
    var a0 = vec2<u32>();
    var a1 = vec2<u32>();
    var a2 = vec2<u32>();
    var a3 = vec2<u32>();
    var a4 = vec2<u32>();
    var a5 = vec2<u32>();
    var a6 = vec2<u32>();
    var a7 = vec2<u32>();
    var b0 = vec4<f32>();
    var b1 = vec4<f32>();
    var b2 = vec4<f32>();
    var b3 = vec4<f32>();
    var b4 = vec4<f32>();
    var b5 = vec4<f32>();
    var b6 = vec4<f32>();
    var b7 = vec4<f32>();
    let tap = step / 2u;
    let channel = step % 2u * 8u + q;
    if (p0 < pixels) { a0 = x[p0 * 16u + channel]; }
    if (p1 < pixels) { a1 = x[p1 * 16u + channel]; }
    if (p2 < pixels) { a2 = x[p2 * 16u + channel]; }
    if (p3 < pixels) { a3 = x[p3 * 16u + channel]; }
    if (p4 < pixels) { a4 = x[p4 * 16u + channel]; }
    if (p5 < pixels) { a5 = x[p5 * 16u + channel]; }
    if (p6 < pixels) { a6 = x[p6 * 16u + channel]; }
    if (p7 < pixels) { a7 = x[p7 * 16u + channel]; }
    {
      let row = step * 32u + lane / 8u;
      { b0 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 4u;
      { b1 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 8u;
      { b2 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 12u;
      { b3 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 16u;
      { b4 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 20u;
      { b5 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 24u;
      { b6 = w[row * 8u + column]; }
    }
    {
      let row = step * 32u + lane / 8u + 28u;
      { b7 = w[row * 8u + column]; }
    }
    workgroupBarrier();
    put_a(0u + lane, widen(a0));
    put_a(0u + lane + 32u, widen(a1));
    put_a(0u + lane + 64u, widen(a2));
    put_a(0u + lane + 96u, widen(a3));
    put_a(0u + lane + 128u, widen(a4));
    put_a(0u + lane + 160u, widen(a5));
    put_a(0u + lane + 192u, widen(a6));
    put_a(0u + lane + 224u, widen(a7));
    put_b(0u + lane, b0);
    put_b(0u + lane + 32u, b1);
    put_b(0u + lane + 64u, b2);
    put_b(0u + lane + 96u, b3);
    put_b(0u + lane + 128u, b4);
    put_b(0u + lane + 160u, b5);
    put_b(0u + lane + 192u, b6);
    put_b(0u + lane + 224u, b7);
    workgroupBarrier();
    for (var k = 0u; k < 32u; k += 16u) {
      let left_0 = load_left((piece_row + 0u) * 32u + k);
      let left_1 = load_left((piece_row + 16u) * 32u + k);
      let right_0 = load_right(k * 32u + piece_column + 0u);
      let right_1 = load_right(k * 32u + piece_column + 16u);
      product_0_0 = add_product(left_0, right_0, product_0_0);
      product_0_1 = add_product(left_0, right_1, product_0_1);
      product_1_0 = add_product(left_1, right_0, product_1_0);
      product_1_1 = add_product(left_1, right_1, product_1_1);
    }
  }
  store_sum((piece_row + 0u) * 32u + piece_column + 0u, product_0_0);
  store_sum((piece_row + 0u) * 32u + piece_column + 16u, product_0_1);
  store_sum((piece_row + 16u) * 32u + piece_column + 0u, product_1_0);
  store_sum((piece_row + 16u) * 32u + piece_column + 16u, product_1_1);
  workgroupBarrier();
  {
    let at = (ty) * 32u + (tx) * 4u;
    sum_0_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 4u) * 32u + (tx) * 4u;
    sum_1_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 8u) * 32u + (tx) * 4u;
    sum_2_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 12u) * 32u + (tx) * 4u;
    sum_3_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 16u) * 32u + (tx) * 4u;
    sum_4_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 20u) * 32u + (tx) * 4u;
    sum_5_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 24u) * 32u + (tx) * 4u;
    sum_6_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  {
    let at = (ty + 28u) * 32u + (tx) * 4u;
    sum_7_0 = vec4<f32>(results[at], results[at + 1u], results[at + 2u], results[at + 3u]);
  }
  store(first_row + ty, first_column + tx, sum_0_0);
  store(first_row + ty + 4u, first_column + tx, sum_1_0);
  store(first_row + ty + 8u, first_column + tx, sum_2_0);
  store(first_row + ty + 12u, first_column + tx, sum_3_0);
  store(first_row + ty + 16u, first_column + tx, sum_4_0);
  store(first_row + ty + 20u, first_column + tx, sum_5_0);
  store(first_row + ty + 24u, first_column + tx, sum_6_0);
  store(first_row + ty + 28u, first_column + tx, sum_7_0);
}
