// Reconstruction, errors, and from them the (row, latent) pairs of the gradients.
//
// kernel         grid                   reads and writes, bytes (decoder rows mostly from the second-level cache)
// decode_rows    B, a block per row     8 d_out and 28 per hit; 4 (2 G + 1) B d_out
// aux_rows       B                      8 d_out and 24 per chosen dead latent; 8 B d_out

// Adds value * decoder row of some latents to a block of columns that the threads hold; with gates also open * row.
static __device__ void add_rows(
        const Step& s, const int* ids, const float* pis, int from, int to, int base, bool aux, float* sum, float* open) {
    __shared__ int id[256];
    __shared__ float value[256];
    __shared__ float opening[256];
    for (int c = from; c < to; c += blockDim.x) {
        __syncthreads();
        if (c + (int)threadIdx.x < to) {
            float pi = pis[c + threadIdx.x];
            id[threadIdx.x] = ids[c + threadIdx.x];
            opening[threadIdx.x] = pi;
            value[threadIdx.x] = aux ? pi : activation(s, id[threadIdx.x], pi);
        }
        __syncthreads();
        int count = to - c < (int)blockDim.x ? to - c : (int)blockDim.x;
        bool gates = s.selection == GATE && !aux;
#pragma unroll 4
        for (int e = 0; e < count; e++) {
            float z = value[e];
            if (z == 0 && !gates) {
                continue;
            }
            const float* row = s.dec + (size_t)id[e] * s.d_out;
            for (int v = 0; v < COLUMNS; v++) {
                int j = base + v * blockDim.x + threadIdx.x;
                if (j < s.d_out) {
                    sum[v] += z * row[j];
                    if (gates) {
                        open[v] += opening[e] * row[j];
                    }
                }
            }
        }
    }
}

// The first of some ascending latents that is not below an end.
static __device__ int first_from(const int* ids, int count, int end) {
    int low = 0;
    int high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (ids[middle] < end) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static __device__ float along(const Step& s, const float* error, int latent) {
    const float* row = s.dec + (size_t)latent * s.d_out;
    float sum = 0;
    for (int j = lane(); j < s.d_out; j += 32) {
        sum += error[j] * row[j];
    }
    return warp_sum(sum);
}

// A row's errors of all prefixes, in place the derivative with respect to what each group adds.
static __device__ void reconstruct(const Step& s, int row, double* nested, double* last, double* gates) {
    int start = s.hit_start[row];
    int count = s.hit_count[row];
    size_t block = (size_t)s.rows * s.d_out;
    float* errors = s.errors + (size_t)row * s.d_out;
    float scale = (float)(2 * s.prefix_weight / s.rows);
    for (int base = 0; base < s.d_out; base += blockDim.x * COLUMNS) {
        float sum[COLUMNS];
        float open[COLUMNS];
        for (int v = 0; v < COLUMNS; v++) {
            int j = base + v * blockDim.x + threadIdx.x;
            sum[v] = j < s.d_out ? errors[j] : 0.0f;
            open[v] = sum[v];
        }
        int from = 0;
        for (int g = 0; g < s.groups; g++) {
            int to = g == s.groups - 1 ? count : first_from(s.hit_id + start, count, s.ends[g]);
            add_rows(s, s.hit_id + start, s.hit_pi + start, from, to, base, false, sum, open);
            from = to;
            for (int v = 0; v < COLUMNS; v++) {
                int j = base + v * blockDim.x + threadIdx.x;
                if (j < s.d_out) {
                    errors[g * block + j] = sum[v];
                    double square = (double)sum[v] * sum[v];
                    *nested += s.prefix_weight * square;
                    *last += g == s.groups - 1 ? square : 0;
                }
            }
        }
        for (int v = 0; v < COLUMNS; v++) {
            int j = base + v * blockDim.x + threadIdx.x;
            if (j >= s.d_out) {
                continue;
            }
            if (s.selection == GATE) {
                s.gate_errors[(size_t)row * s.d_out + j] = open[v];
                *gates += (double)open[v] * open[v];
            }
            if (s.aux_k > 0) {
                errors[s.groups * block + j] = sum[v];
            }
            float after = 0;
            for (int g = s.groups - 1; g >= 0; g--) {
                after = scale * errors[g * block + j] + after;
                errors[g * block + j] = after;
            }
        }
    }
}

// Sums a row's numbers over the block. All threads have a part of the first three, one lane of each warp of the others.
static __device__ void write_stats(const Step& s, int row, double* stats) {
    __shared__ double parts[32][ROW_STATS];
    stats[NESTED] = warp_sum(stats[NESTED]);
    stats[RECONSTRUCTION] = warp_sum(stats[RECONSTRUCTION]);
    stats[GATE_ERROR] = s.selection == GATE ? warp_sum(stats[GATE_ERROR]) : 0;
    if (lane() == 0) {
        for (int what = 0; what < ROW_STATS; what++) {
            parts[warp()][what] = stats[what];
        }
    }
    __syncthreads();
    int what = threadIdx.x;
    bool before = what == ENERGY || what == CENTRED || what == UNSEEN || what == AUX_ERROR; // written elsewhere
    if (what >= ROW_STATS || before) {
        return;
    }
    double all = parts[0][what];
    for (int w = 1; w < warps(); w++) {
        double part = parts[w][what];
        all = what != SMALLEST ? all + part : part < all ? part : all;
    }
    s.row_stats[(size_t)what * s.rows + row] = all;
    if (what == RECONSTRUCTION) {
        s.row_errors[row] = (float)all;
    }
}

KERNEL decode_rows(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = blockIdx.x;
    int start = s.hit_start[row];
    double stats[ROW_STATS];
    for (int what = 0; what < ROW_STATS; what++) {
        stats[what] = what == SMALLEST ? 1e300 : 0;
    }
    reconstruct(s, row, &stats[NESTED], &stats[RECONSTRUCTION], &stats[GATE_ERROR]);
    __syncthreads();
    for (int h = start + warp(); h < start + s.hit_count[row]; h += warps()) {
        int i = s.hit_id[h];
        float pi = s.hit_pi[h];
        float z = activation(s, i, pi);
        bool gated = s.selection == GATE;
        float k = s.selection == THRESHOLD ? kernel_at(s, i, pi) : 0.0f;
        int at = (s.groups == 1 ? 0 : group_of(s, i)) * s.rows + row;
        bool on = gated || z > 0 || !(z == z); // what is no number must be seen
        if (!on && !(k > 0)) {
            if (lane() == 0) {
                s.hit_row[h] = -1;
            }
            continue;
        }
        float dF = along(s, s.errors + (size_t)at * s.d_out, i);
        float dGate = gated ? along(s, s.gate_errors + (size_t)row * s.d_out, i) : 0.0f;
        if (lane() != 0) {
            continue;
        }
        float gate = gated ? (float)(2.0 * dGate / s.rows + cost_slope(s, i, pi)) : 0.0f;
        s.hit_row[h] = on ? at : at | SILENT;
        s.hit_z[h] = on ? z : 0.0f;
        s.hit_d[h] = gated ? (z > 0 ? dF * s.gain[i] : 0.0f) + gate : dF + (float)cost_slope(s, i, on ? z : 0.0f);
        s.hit_x[h] = gated ? gate : k;
        if (on) {
            double a = (double)(gated ? pi : z) * norm_of(s, i);
            stats[PENALTY] += costs(s) ? cost_of(s, a) : 0;
            stats[POWER] += power_of(a, s.p);
            stats[POWER_NEXT] += s.p_next > 0 ? power_of(a, s.p_next) : 0;
            stats[L1] += z;
            if (z > 0) {
                stats[ACTIVE] += 1;
                stats[SMALLEST] = z < stats[SMALLEST] ? z : stats[SMALLEST];
            }
        }
    }
    write_stats(s, row, stats);
}

// The chosen dead latents reconstruct what the others left over; weighted later, when the whole batch is known.
KERNEL aux_rows(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = blockIdx.x;
    int dead = s.words[DEAD];
    int k = s.aux_k < dead ? s.aux_k : dead;
    size_t start = (size_t)row * s.aux_k;
    float* errors = s.errors + ((size_t)s.groups * s.rows + row) * s.d_out;
    double squares = 0;
    float scale = 2.0f / s.rows;
    for (int base = 0; k > 0 && base < s.d_out; base += blockDim.x * COLUMNS) {
        float sum[COLUMNS];
        for (int v = 0; v < COLUMNS; v++) {
            int j = base + v * blockDim.x + threadIdx.x;
            sum[v] = j < s.d_out ? errors[j] : 0.0f;
        }
        add_rows(s, s.aux_id + start, s.aux_pi + start, 0, k, base, true, sum, sum);
        for (int v = 0; v < COLUMNS; v++) {
            int j = base + v * blockDim.x + threadIdx.x;
            if (j < s.d_out) {
                squares += (double)sum[v] * sum[v];
                errors[j] = scale * sum[v];
            }
        }
    }
    __syncthreads();
    for (int c = warp(); c < s.aux_k; c += warps()) {
        float d = c < k ? along(s, errors, s.aux_id[start + c]) : 0.0f;
        if (lane() == 0) {
            s.aux_row[start + c] = c < k ? s.groups * s.rows + row : -1;
            s.aux_d[start + c] = d;
        }
    }
    double all = block_sum(squares);
    if (threadIdx.x == 0) {
        s.row_stats[(size_t)AUX_ERROR * s.rows + row] = all;
    }
}
