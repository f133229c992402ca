// Comparing the decoder rows of two SAEs: the nearest ones out of a tile of cosines that the product has just written.
//
// kernel           grid                     reads and writes, bytes
// unit_rows        n, a block per row       8 n d
// nearest_rows     T, a block per row       8 T n, then 8 c

enum { MOST_NEAREST = 1024 };

// Rows divided by their norms; rows of zeros stay zero.
KERNEL unit_rows(const Step s, const float* rows, float* to, int width) {
    size_t start = (size_t)blockIdx.x * width;
    double squares = 0;
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        squares += (double)rows[start + j] * rows[start + j];
    }
    double norm = sqrt(block_sum(squares));
    for (int j = threadIdx.x; j < width; j += blockDim.x) {
        to[start + j] = norm > 0 ? (float)(rows[start + j] / norm) : 0.0f;
    }
}

// The c largest values of each row of the tile, ascending by column; of equal ones the first.
KERNEL nearest_rows(const Step s, int columns, int c, int* ids, float* values) {
    __shared__ Radix q;
    const float* row = s.tile + (size_t)blockIdx.x * s.tile_stride;
    size_t start = (size_t)blockIdx.x * c;
    auto key = [&](int i) { return order_of(row[i]); };
    write_largest(key, columns, kth_largest(q, key, columns, c), [&](int slot, int i) {
        ids[start + slot] = i;
        values[start + slot] = row[i];
    });
}
