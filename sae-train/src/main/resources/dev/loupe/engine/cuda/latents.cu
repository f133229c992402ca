// The half of a step that belongs to latents: their sums, and one pass that makes a latent's gradient rows and applies Adam.
//
// kernel           grid                          reads and writes, bytes
// latent_sums      n / warps, a warp a latent    16 per pair, 72 n; 4 n d_in with a loss on pre-activations
// update_latents   n, a block per latent         4 (d_in + d_out) per pair (from the second-level cache),
//                                                24 n (d_in + d_out), and 2 n d_pad for the shadow; 8 more each with an average
//                                                dynamic shared memory: 4 (d_in + d_out)
// keep_gradients   n                             the pairs, and 4 n (d_in + d_out)
// update_kept      n                             28 n (d_in + d_out)

enum { STAGE = 256 };

// What a latent's pairs sum up to; leaves of each pair what the gradient rows need: z and the derivative by pi.
KERNEL latent_sums(const Step s) {
    int i = blockIdx.x * warps() + warp();
    if (s.words[STATUS] != 0 || i >= s.n) {
        return;
    }
    double below = weight_below(s, i);
    bool paid = s.norm != nullptr && costs(s);
    double sum[LATENT_SUMS];
    for (int what = 0; what < LATENT_SUMS; what++) {
        sum[what] = 0;
    }
    for (int e = s.starts[i] + lane(); e < s.starts[i + 1]; e += 32) {
        int row = s.pair_row[e] & ~SILENT;
        bool active = (s.pair_row[e] & SILENT) == 0;
        float d = s.pair_d[e];
        float z = s.pair_z[e];
        if (row >= s.groups * s.rows) { // of the auxiliary loss everything passes through the pre-activation
            sum[GATE_PART] += d;
            sum[DIRECTION] += d;
            continue;
        }
        float x = s.pair_x[e];
        if (s.selection == GATE) {
            sum[GATE_PART] += x;
            sum[GAIN] += z > 0 ? (double)(d - x) * (z - s.b_mag[i]) / s.gain[i] : 0;
        } else {
            sum[ALONG_WINDOW] += (double)x * d;
            sum[KERNELS] += x;
        }
        if (active) {
            sum[FIRING] += z > 0 ? 1 : 0;
            sum[ACTIVATION] += z;
            sum[NORM_PART] += paid ? slope_of(s, (double)z * s.norm[i]) * z / s.rows : 0;
            d += (float)below;
            sum[DIRECTION] += d;
        } else {
            d = 0;
        }
        s.pair_row[e] = row;
        s.pair_d[e] = d;
    }
    finish_sums(s, i, sum);
}

static __device__ double bias_of(const Step& s, int i) {
    return latent_sum(s, s.selection == GATE ? GATE_PART : DIRECTION, i);
}

static __device__ double magnitude_of(const Step& s, int i) {
    return (latent_sum(s, DIRECTION, i) - latent_sum(s, GATE_PART, i)) / s.gain[i];
}

// Of a threshold: df/dtheta = -(theta / eps) K, dH/dtheta = -(1 / eps) K.
static __device__ double theta_of(const Step& s, int i) {
    double firing = latent_sum(s, FIRING, i);
    double slope;
    if (s.l0_target > 0) {
        slope = 2 * s.l0 * (mean_l0(s) / s.l0_target - 1) / s.l0_target;
    } else {
        slope = s.frequency_scale > 0 ? s.l0 * (1 + 2 * firing / s.rows / s.frequency_scale) : s.l0;
    }
    double through = s.theta[i] * latent_sum(s, ALONG_WINDOW, i) + slope * latent_sum(s, KERNELS, i) / s.rows;
    return weight_below(s, i) * (s.rows - firing) - through / s.bandwidth;
}

// to = sum over a latent's pairs of factor * row; each thread makes the columns j with j mod blockDim = its number.
static __device__ void gather_rows(
        const Step& s, int latent, const float* rows, const float* factors, int width, bool ofBatch, float* to) {
    __shared__ size_t at[STAGE];
    __shared__ float by[STAGE];
    int start = s.starts[latent];
    int end = s.starts[latent + 1];
    for (int base = 0; base < width; base += blockDim.x * COLUMNS) {
        float sum[COLUMNS];
        for (int v = 0; v < COLUMNS; v++) {
            sum[v] = 0;
        }
        for (int c = start; c < end; c += STAGE) {
            int count = end - c < STAGE ? end - c : STAGE;
            __syncthreads();
            for (int e = threadIdx.x; e < count; e += blockDim.x) {
                int row = s.pair_row[c + e];
                at[e] = (size_t)(ofBatch ? row % s.rows : row) * width;
                by[e] = factors[c + e];
            }
            __syncthreads();
#pragma unroll 4
            for (int e = 0; e < count; e++) {
                const float* row = rows + at[e];
                float factor = by[e];
                for (int v = 0; v < COLUMNS; v++) {
                    int j = base + v * blockDim.x + threadIdx.x;
                    if (j < width) {
                        sum[v] += factor * row[j];
                    }
                }
            }
        }
        for (int v = 0; v < COLUMNS; v++) {
            int j = base + v * blockDim.x + threadIdx.x;
            if (j < width) {
                to[j] = sum[v];
            }
        }
    }
}

static __device__ int place_of(const Step& s, int latent) { return (int)((long long)latent * s.places / s.n); }

// Weights that a latent of a cross-layer transcoder does not have get no gradient.
static __device__ void clear_others(const Step& s, int i, float* encoder, float* decoder) {
    int place = place_of(s, i);
    int in = place == 0 ? 0 : s.in_ends[place - 1];
    int out = place == 0 ? 0 : s.out_ends[place - 1];
    for (int j = threadIdx.x; j < s.d_in; j += blockDim.x) {
        encoder[j] = j < in || j >= s.in_ends[place] ? 0.0f : encoder[j];
    }
    for (int j = threadIdx.x; j < out; j += blockDim.x) {
        decoder[j] = 0;
    }
}

// The gradient of a penalty on the sum over places of norms.
static __device__ void pay_for_norms(const Step& s, int i, double paid, float* decoder) {
    const float* row = s.dec + (size_t)i * s.d_out;
    int from = 0;
    for (int place = 0; place < s.places; place++) {
        double squares = 0;
        int end = s.out_ends[place];
        for (int j = threadIdx.x; j < end; j += blockDim.x) {
            squares += j >= from ? (double)row[j] * row[j] : 0;
        }
        double norm = sqrt(block_sum(squares));
        for (int j = threadIdx.x; norm > 0 && j < end; j += blockDim.x) {
            decoder[j] += j >= from ? (float)(paid / norm) * row[j] : 0.0f;
        }
        from = end;
    }
}

static __device__ void sum_rows(const Step& s, int i, float* encoder, float* decoder) {
    gather_rows(s, i, s.errors, s.pair_z, s.d_out, false, decoder);
    gather_rows(s, i, s.seen, s.pair_d, s.d_in, true, encoder);
}

// What a gradient has beside the sums over rows.
static __device__ void complete_gradient(const Step& s, int i, float* encoder, float* decoder) {
    double below = weight_below(s, i);
    for (int j = threadIdx.x; below > 0 && j < s.d_in; j += blockDim.x) {
        encoder[j] -= (float)(below * s.input_sum[j]);
    }
    if (s.cross_layer) {
        clear_others(s, i, encoder, decoder);
    }
    const float* row = s.dec + (size_t)i * s.d_out;
    double paid = latent_sum(s, NORM_PART, i);
    if (s.unit_decoder) {
        double along = 0;
        for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
            along += (double)decoder[j] * row[j];
        }
        float part = (float)block_sum(along);
        for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
            decoder[j] -= part * row[j];
        }
    } else if (paid != 0 && s.sums_norms) {
        pay_for_norms(s, i, paid, decoder);
    } else if (paid != 0 && s.norm[i] > 0) {
        for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
            decoder[j] += (float)(paid / s.norm[i]) * row[j];
        }
    }
}

static __device__ __forceinline__ float blend(const Step& s, float average, float weight) {
    return (float)s.average * average + (float)(1 - s.average) * weight;
}

// Adam on all of a latent's parameters, its gradient times a factor; overwrites the decoder's gradient.
static __device__ void apply(const Step& s, int i, const float* encoder, float* decoder, float factor) {
    for (int j = threadIdx.x; j < s.d_in; j += blockDim.x) {
        size_t at = (size_t)i * s.d_in + j;
        float w = adam(s, s.m_enc, s.v_enc, s.enc[at], at, factor * encoder[j]);
        s.enc[at] = w;
        if (s.enc16 != nullptr) {
            s.enc16[(size_t)i * s.d_pad + j] = bfloat16(w);
        }
        if (s.a_enc != nullptr) {
            s.a_enc[at] = blend(s, s.a_enc[at], w);
        }
    }
    double squares = 0;
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        size_t at = (size_t)i * s.d_out + j;
        float w = adam(s, s.m_dec, s.v_dec, s.dec[at], at, factor * decoder[j]);
        decoder[j] = w;
        squares += (double)w * w;
    }
    float scale = s.unit_decoder ? (float)(1 / sqrt(block_sum(squares))) : 1.0f;
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        size_t at = (size_t)i * s.d_out + j;
        float w = scale * decoder[j];
        s.dec[at] = w;
        if (s.a_dec != nullptr) {
            s.a_dec[at] = blend(s, s.a_dec[at], w);
        }
    }
    __syncthreads(); // all have read what now changes
    if (threadIdx.x != 0) {
        return;
    }
    const float none = -__int_as_float(0x7f800000);
    float theta = s.theta != nullptr ? factor * (float)theta_of(s, i) : 0;
    adam_one(s, s.b_enc, s.m_b_enc, s.v_b_enc, s.a_b_enc, i, factor * (float)bias_of(s, i), none);
    if (s.theta != nullptr) {
        adam_one(s, s.theta, s.m_theta, s.v_theta, s.a_theta, i, theta, 0);
    }
    if (s.gain != nullptr) {
        adam_one(s, s.b_mag, s.m_b_mag, s.v_b_mag, s.a_b_mag, i, factor * (float)magnitude_of(s, i), none);
        adam_one(s, s.r_mag, s.m_r_mag, s.v_r_mag, s.a_r_mag, i, factor * (float)latent_sum(s, GAIN, i), none);
    }
    s.activity[i] += latent_sum(s, ACTIVATION, i);
    s.since[i] = latent_sum(s, FIRING, i) > 0 ? 0 : s.since[i] + 1;
}

KERNEL update_latents(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    LOUPE_DYNAMIC(float, gradient);
    sum_rows(s, blockIdx.x, gradient, gradient + s.d_in);
    complete_gradient(s, blockIdx.x, gradient, gradient + s.d_in);
    apply(s, blockIdx.x, gradient, gradient + s.d_in, 1.0f);
}

// Where the norm of the whole gradient must be known first, or a row is too long for the chip: makes and keeps gradients.
// With dense products the sums over rows are there already.
KERNEL keep_gradients(const Step s, int measure, int summed) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int i = blockIdx.x;
    float* encoder = s.kept_enc + (size_t)i * s.d_in;
    float* decoder = s.kept_dec + (size_t)i * s.d_out;
    if (!summed) {
        sum_rows(s, i, encoder, decoder);
    }
    complete_gradient(s, i, encoder, decoder);
    if (!measure) {
        return;
    }
    double squares = 0;
    for (int j = threadIdx.x; j < s.d_in; j += blockDim.x) {
        squares += (double)encoder[j] * encoder[j];
    }
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        squares += (double)decoder[j] * decoder[j];
    }
    squares = block_sum(squares);
    if (threadIdx.x == 0) {
        double bias = bias_of(s, i);
        double theta = s.theta != nullptr ? theta_of(s, i) : 0;
        double magnitude = s.gain != nullptr ? magnitude_of(s, i) : 0;
        double gain = s.gain != nullptr ? latent_sum(s, GAIN, i) : 0;
        s.squares[i] = squares + bias * bias + theta * theta + magnitude * magnitude + gain * gain;
    }
}

KERNEL update_kept(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int i = blockIdx.x;
    apply(s, i, s.kept_enc + (size_t)i * s.d_in, s.kept_dec + (size_t)i * s.d_out, (float)s.totals[TOTAL_FACTOR]);
}
