// A step in dense products, where an activation decides for itself and many latents are active (early training): for L latents
// at a time pre-activations and derivatives of all rows, [B, L], with zeros where nothing is active. Gradients go through
// memory. Without dead latents to revive, and without nested groups.
//
// kernel            grid                                   reads and writes, bytes
// dense_activate    B, a block per row                     8 B L
// dense_errors      B                                      8 B d_out
// dense_derive      (L / block, B / 128)                   16 B L, and 8 LATENT_SUMS B L / 128
// dense_sums        L / warps, a warp per latent           8 LATENT_SUMS B L / 128
// keep_gradients    n (in latents.cu)                      8 n (d_in + d_out)

// From pre-activations without bias of latents from .. from + count - 1 to activations, and what they add to the row's numbers.
KERNEL dense_activate(const Step s, int from, int count) {
    int row = blockIdx.x;
    float* pi = s.dense_pi + (size_t)row * s.dense_width;
    double penalty = 0, power = 0, next = 0, l1 = 0, active = 0, smallest = 1e300;
    for (int c = threadIdx.x; c < count; c += blockDim.x) {
        int i = from + c;
        float z = activation(s, i, pi[c] + s.b_enc[i]);
        pi[c] = z;
        if (z > 0) {
            double a = (double)z * norm_of(s, i);
            penalty += costs(s) ? cost_of(s, a) : 0;
            power += power_of(a, s.p);
            next += s.p_next > 0 ? power_of(a, s.p_next) : 0;
            l1 += z;
            active += 1;
            smallest = z < smallest ? z : smallest;
        }
    }
    penalty = block_sum(penalty);
    power = block_sum(power);
    next = block_sum(next);
    l1 = block_sum(l1);
    active = block_sum(active);
    smallest = block_min(smallest);
    if (threadIdx.x == 0) {
        bool first = from == 0;
        const double add[] = {penalty, power, next, l1, active};
        const int what[] = {PENALTY, POWER, POWER_NEXT, L1, ACTIVE};
        for (int w = 0; w < 5; w++) {
            double* to = s.row_stats + (size_t)what[w] * s.rows + row;
            *to = first ? add[w] : *to + add[w];
        }
        double* least = s.row_stats + (size_t)SMALLEST * s.rows + row;
        *least = first || smallest < *least ? smallest : *least;
    }
}

// A row's error, in place the derivative with respect to its reconstruction.
KERNEL dense_errors(const Step s) {
    int row = blockIdx.x;
    float* errors = s.errors + (size_t)row * s.d_out;
    float scale = (float)(2 * s.prefix_weight / s.rows);
    double squares = 0;
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        float e = errors[j];
        squares += (double)e * e;
        errors[j] = scale * e;
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
        s.row_stats[(size_t)NESTED * s.rows + row] = s.prefix_weight * squares;
        s.row_stats[(size_t)RECONSTRUCTION * s.rows + row] = squares;
        s.row_stats[(size_t)GATE_ERROR * s.rows + row] = 0;
        s.row_stats[(size_t)AUX_ERROR * s.rows + row] = 0;
        s.row_errors[row] = (float)squares;
    }
}

// From pre-activations without bias and errors along decoder rows to activations and derivatives with respect to
// pre-activations; a thread sums what 128 rows of one latent add to its numbers.
KERNEL dense_derive(const Step s, int from, int count) {
    int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (s.words[STATUS] != 0 || c >= count) {
        return;
    }
    int i = from + c;
    bool threshold = s.selection == THRESHOLD;
    bool paid = s.norm != nullptr && costs(s);
    float below = (float)weight_below(s, i);
    double sum[LATENT_SUMS];
    for (int what = 0; what < LATENT_SUMS; what++) {
        sum[what] = 0;
    }
    int first = blockIdx.y * 128;
    int end = s.rows < first + 128 ? s.rows : first + 128;
    for (int r = first; r < end; r++) {
        size_t at = (size_t)r * s.dense_width + c;
        float v = s.dense_pi[at] + s.b_enc[i];
        float z = activation(s, i, v);
        float k = threshold ? kernel_at(s, i, v) : 0.0f;
        float d = 0;
        if (z > 0 || k > 0) {
            float dF = s.dense_d[at] + (float)cost_slope(s, i, z);
            sum[ALONG_WINDOW] += (double)k * dF;
            sum[KERNELS] += k;
            if (z > 0) {
                sum[FIRING] += 1;
                sum[ACTIVATION] += z;
                sum[NORM_PART] += paid ? slope_of(s, (double)z * s.norm[i]) * z / s.rows : 0;
                d = dF + below;
                sum[DIRECTION] += d;
            }
        }
        s.dense_pi[at] = z;
        s.dense_d[at] = d;
    }
    for (int what = 0; what < LATENT_SUMS; what++) {
        s.dense_parts[((size_t)blockIdx.y * LATENT_SUMS + what) * s.dense_width + c] = sum[what];
    }
}

// The numbers of latents from .. from + count - 1, from those of their parts.
KERNEL dense_sums(const Step s, int from, int count) {
    int c = blockIdx.x * warps() + warp();
    if (s.words[STATUS] != 0 || c >= count) {
        return;
    }
    double sum[LATENT_SUMS];
    for (int what = 0; what < LATENT_SUMS; what++) {
        sum[what] = 0;
        for (int part = lane(); part * 128 < s.rows; part += 32) {
            sum[what] += s.dense_parts[((size_t)part * LATENT_SUMS + what) * s.dense_width + c];
        }
    }
    finish_sums(s, from + c, sum);
}
