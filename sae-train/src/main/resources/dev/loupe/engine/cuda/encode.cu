// Encoding without training: what the encoder sees of a row. The product and the choice of latents are those of a step.
//
// kernel      grid                    reads and writes, bytes
// see_rows    B, a block per row      8 d_in

// x - b_dec, or x; leaves in row_errors the sum of squares of x, which is finite where x is.
KERNEL see_rows(const Step s) {
    int row = blockIdx.x;
    const float* x = s.input + (size_t)row * s.d_in;
    float squares = 0;
    for (int j = threadIdx.x; j < s.d_in; j += blockDim.x) {
        squares += x[j] * x[j];
        s.seen[(size_t)row * s.d_in + j] = s.subtract_bias ? x[j] - s.b_dec[j] : x[j];
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
        s.row_errors[row] = squares;
    }
}
