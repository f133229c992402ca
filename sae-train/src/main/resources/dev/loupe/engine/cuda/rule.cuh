// The formulas of StepRule and Sparsity that several kernels need.

// The nested group of a latent.
static __device__ __forceinline__ int group_of(const Step& s, int latent) {
    int g = 0;
    while (g < s.groups - 1 && latent >= s.ends[g]) {
        g++;
    }
    return g;
}

static __device__ __forceinline__ float norm_of(const Step& s, int latent) {
    return s.norm == nullptr ? 1.0f : s.norm[latent];
}

// f of a latent that was chosen, from its pre-activation.
static __device__ __forceinline__ float activation(const Step& s, int latent, float pi) {
    if (s.selection == GATE) {
        float v = s.gain[latent] * (pi - s.b_enc[latent]) + s.b_mag[latent];
        return v < 0 ? 0.0f : v;
    }
    float least = s.selection == THRESHOLD ? s.theta[latent] : 0.0f;
    return pi > least ? pi : 0.0f;
}

// phi for the power q.
static __device__ __forceinline__ double power_of(double a, double q) {
    return q == 1 ? a : pow(a + 1e-3, q) - pow(1e-3, q);
}

// What one activation costs, times the norm of its decoder row.
static __device__ __forceinline__ double cost_of(const Step& s, double a) {
    double cost = s.l1 == 0 ? 0 : s.l1 * power_of(a, s.p);
    return s.tanh_weight == 0 ? cost : cost + s.tanh_weight * tanh(s.tanh_scale * a);
}

// Its derivative.
static __device__ __forceinline__ double slope_of(const Step& s, double a) {
    double slope = s.p == 1 || s.l1 == 0 ? s.l1 : s.l1 * s.p * pow(a + 1e-3, s.p - 1);
    if (s.tanh_weight != 0) {
        double t = tanh(s.tanh_scale * a);
        slope += s.tanh_weight * s.tanh_scale * (1 - t * t);
    }
    return slope;
}

static __device__ __forceinline__ bool costs(const Step& s) { return s.l1 != 0 || s.tanh_weight != 0; }

// The derivative of the mean cost with respect to an activation.
static __device__ __forceinline__ double cost_slope(const Step& s, int latent, float a) {
    double norm = norm_of(s, latent);
    return costs(s) ? slope_of(s, (double)a * norm) * norm / s.rows : 0;
}

// The estimator's kernel at a pre-activation (arXiv 2407.14435, equations 11 and 12).
static __device__ __forceinline__ float kernel_at(const Step& s, int latent, float pi) {
    double u = (pi - s.theta[latent]) / s.bandwidth;
    double a = fabs(u);
    if (!(a < (s.kernel == RECTANGLE ? 0.5 : 1.0))) {
        return 0.0f;
    }
    return s.kernel == RECTANGLE ? 1.0f : s.kernel == TRIANGLE ? (float)(1 - a) : (float)(0.75 * (1 - u * u));
}

// How far from its threshold a pre-activation still moves it.
static __device__ __forceinline__ float reach_of(const Step& s) {
    return (float)((s.kernel == RECTANGLE ? 0.5 : 1.0) * s.bandwidth);
}

// The weight per row with which a latent's pre-activations are pulled up to its threshold.
static __device__ __forceinline__ double weight_below(const Step& s, int latent) {
    if (!(s.pre_activation > 0) || (s.on_dead_only && s.since[latent] < s.dead_after)) {
        return 0;
    }
    return s.pre_activation * norm_of(s, latent) / s.rows;
}

// The factor of the auxiliary loss and its gradients.
static __device__ __forceinline__ double aux_weight(const Step& s) {
    double left = s.totals[RECONSTRUCTION];
    return s.words[DEAD] > 0 && left > 0 ? s.aux * s.totals[ENERGY] / left : 0;
}

// Active latents per row.
static __device__ __forceinline__ double mean_l0(const Step& s) { return s.totals[ACTIVE] / s.rows; }

static __device__ __forceinline__ double latent_sum(const Step& s, int what, int latent) {
    return s.sums[(size_t)what * s.n + latent];
}

// What a pre-activation must exceed to be of interest.
static __device__ __forceinline__ float limit_of(const Step& s, int latent, int row) {
    if (s.selection == THRESHOLD) {
        return s.theta[latent] - reach_of(s);
    }
    return s.selection == BATCH_TOPK ? __int_as_float(s.words[LEAST])
            : s.selection == STATISTICAL ? s.row_limit[row]
                                         : 0.0f;
}

static __device__ void write_sum(const Step& s, int what, int latent, double value) {
    s.sums[(size_t)what * s.n + latent] = value;
}

// Adds up what the lanes of a warp have of a latent's numbers, completes and writes them.
static __device__ void finish_sums(const Step& s, int i, double* sum) {
    double below = weight_below(s, i);
    bool paid = s.norm != nullptr && costs(s);
    for (int what = 0; what < LATENT_SUMS; what++) {
        bool made = what == GAIN ? s.selection == GATE
                : what == ALONG_WINDOW || what == KERNELS ? s.selection == THRESHOLD
                : what != NORM_PART || paid;
        sum[what] = made ? warp_sum(sum[what]) : 0;
    }
    if (below > 0) { // over the rows where it does not fire: all rows minus those where it does
        double all = 0;
        for (int j = lane(); j < s.d_in; j += 32) {
            all += s.input_sum[j] * s.enc[(size_t)i * s.d_in + j];
        }
        all = warp_sum(all) + (double)s.rows * s.b_enc[i];
        sum[BELOW] = below * ((s.rows - sum[FIRING]) * s.theta[i] - (all - sum[ACTIVATION]));
    }
    sum[DIRECTION] -= below * s.rows;
    if (lane() == 0) {
        for (int what = 0; what < LATENT_SUMS; what++) {
            write_sum(s, what, i, sum[what]);
        }
    }
}

// Adam as PyTorch defines it; returns the new weight.
static __device__ __forceinline__ float adam(const Step& s, float* m, float* v, float w, size_t at, float g) {
    float first = s.beta1 * m[at] + s.rest1 * g;
    float second = s.beta2 * v[at] + s.rest2 * (g * g);
    m[at] = first;
    v[at] = second;
    return w - s.rate * first / (sqrtf(second) * s.root + s.epsilon);
}

// One weight: Adam, a lower bound, and the running average.
static __device__ void adam_one(
        const Step& s, float* w, float* m, float* v, float* average, size_t at, float g, float least) {
    float next = adam(s, m, v, w[at], at, g);
    next = next < least ? least : next;
    w[at] = next;
    if (average != nullptr) {
        average[at] = (float)(s.average * average[at] + (1 - s.average) * next);
    }
}
