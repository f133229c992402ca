// What a step does with rows before and after the product, and sums over columns.
//
// kernel          grid                                     reads and writes, bytes
// begin_step      1                                        4 n
// prepare_rows    B                                        B (8 d_in + 2 d_pad + 8 d_out)
// setup_latents   n / warps, a warp per latent             4 n d_out where decoder norms are free, else little
// column_parts    (d / block, chunks)                      4 rows d; a thread sums 128 rows of one column
// column_totals   d / block                                8 chunks d
// row_totals      1                                        8 ROW_STATS B
// shadow          any                                      6 n d_in, once after the state is set

// Counters of the step, the bits of the bound above which BATCH_TOPK looks, and the dead latents.
KERNEL begin_step(const Step s, int least) {
    if (threadIdx.x == 0) {
        s.words[STATUS] = s.words[HALT] != 0 ? NOT_FINITE : 0; // behind a step that was not taken none is
        s.words[HITS] = 0;
        s.words[LEAST] = least;
    }
    int dead = write_where(
            [&](int i) { return s.since[i] >= s.dead_after; }, s.n, [&](int slot, int i) { s.dead[slot] = i; });
    if (threadIdx.x == 0) {
        s.words[DEAD] = dead;
    }
}

// What the encoder sees of a row, b_dec - y, and the row's energies.
KERNEL prepare_rows(const Step s) {
    int row = blockIdx.x;
    const float* x = s.input + (size_t)row * s.d_in;
    const float* y = s.target + (size_t)row * s.d_out;
    double energy = 0;
    double centred = 0;
    double unseen = 0;
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        float c = y[j] - s.b_dec[j];
        s.errors[(size_t)row * s.d_out + j] = -c;
        energy += (double)y[j] * y[j];
        centred += (double)c * c;
    }
    for (int j = threadIdx.x; j < s.d_in; j += blockDim.x) {
        float c = s.subtract_bias ? x[j] - s.b_dec[j] : x[j];
        s.seen[(size_t)row * s.d_in + j] = c;
        unseen += x[j] - x[j]; // 0, or no number
        if (s.seen16 != nullptr) {
            s.seen16[(size_t)row * s.d_pad + j] = bfloat16(c);
        }
    }
    for (int j = s.d_in + threadIdx.x; s.seen16 != nullptr && j < s.d_pad; j += blockDim.x) {
        s.seen16[(size_t)row * s.d_pad + j] = 0;
    }
    energy = block_sum(energy);
    centred = block_sum(centred);
    unseen = block_sum(unseen);
    if (threadIdx.x == 0) {
        s.row_stats[(size_t)ENERGY * s.rows + row] = energy;
        s.row_stats[(size_t)CENTRED * s.rows + row] = centred;
        s.row_stats[(size_t)UNSEEN * s.rows + row] = unseen;
    }
}

static __device__ float part_norm(const float* row, int from, int end) {
    float sum = 0;
    for (int j = from + lane(); j < end; j += 32) {
        sum += row[j] * row[j];
    }
    return sqrtf(warp_sum(sum));
}

// Gains of gates, and norms of decoder rows where they are free.
KERNEL setup_latents(const Step s) {
    int i = blockIdx.x * warps() + warp();
    if (i >= s.n) {
        return;
    }
    if (s.gain != nullptr && lane() == 0) {
        s.gain[i] = expf(s.r_mag[i]);
    }
    if (s.norm == nullptr) {
        return;
    }
    const float* row = s.dec + (size_t)i * s.d_out;
    float norm = 0;
    int from = 0;
    for (int place = 0; place < (s.sums_norms ? s.places : 1); place++) {
        int end = s.sums_norms ? s.out_ends[place] : s.d_out;
        norm += part_norm(row, from, end);
        from = end;
    }
    if (lane() == 0) {
        s.norm[i] = norm;
    }
}

// Sums of 128 rows of a matrix, each times its factor where there are any, into parts.
KERNEL column_parts(
        const Step s, const float* matrix, const double* factors, int rows, int width) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= width) {
        return;
    }
    int from = blockIdx.y * 128;
    int end = rows < from + 128 ? rows : from + 128;
    double sum = 0;
    for (int r = from; r < end; r++) {
        double factor = factors == nullptr ? 1 : factors[r];
        sum += factor * matrix[(size_t)r * width + j];
    }
    s.parts[(size_t)blockIdx.y * width + j] = sum;
}

// to[j] = scale * (sum of parts) + keep * to[j].
KERNEL column_totals(const Step s, double* to, int chunks, int width, double scale, double keep) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (j >= width) {
        return;
    }
    double sum = 0;
    for (int c = 0; c < chunks; c++) {
        sum += s.parts[(size_t)c * width + j];
    }
    to[j] = keep == 0 ? scale * sum : scale * sum + keep * to[j];
}

// Sums of the rows' numbers, and the variance of the batch's targets.
KERNEL row_totals(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    for (int what = 0; what < ROW_STATS; what++) {
        if (what == AUX_ERROR && s.aux_k == 0) { // nobody wrote it
            if (threadIdx.x == 0) {
                s.totals[what] = 0;
            }
            continue;
        }
        const double* of = s.row_stats + (size_t)what * s.rows;
        double mine = what == SMALLEST ? 1e300 : 0;
        for (int r = threadIdx.x; r < s.rows; r += blockDim.x) {
            mine = what != SMALLEST ? mine + of[r] : of[r] < mine ? of[r] : mine;
        }
        double all = what == SMALLEST ? block_min(mine) : block_sum(mine);
        if (threadIdx.x == 0) {
            s.totals[what] = all;
        }
    }
    double mine = 0;
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        double mean = s.target_sum[j] / s.rows;
        mine += s.rows * mean * mean;
    }
    double ofMean = block_sum(mine);
    if (threadIdx.x == 0) {
        s.totals[TOTAL_VARIANCE] = s.totals[CENTRED] - ofMean;
    }
}

// The encoder in bfloat16.
KERNEL shadow(const Step s) {
    for (int i = blockIdx.x; i < s.n; i += gridDim.x) {
        for (int j = threadIdx.x; j < s.d_pad; j += blockDim.x) {
            s.enc16[(size_t)i * s.d_pad + j] = j < s.d_in ? bfloat16(s.enc[(size_t)i * s.d_in + j]) : 0;
        }
    }
}
