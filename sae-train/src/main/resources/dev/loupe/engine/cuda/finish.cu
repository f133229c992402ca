// The loss and what else a step reports, the norm of the whole gradient, and the parameters that belong to no latent.
//
// kernel             grid           reads and writes, bytes
// finish_metrics     1              16 n
// square_parts       256            4 d_in d_out of the skip connection's gradient
// clip_factor        1              8 n
// update_bias        d_out / block  28 d_out
// update_skip        any            28 d_in d_out

KERNEL finish_metrics(const Step s, int number) {
    if (s.words[STATUS] != 0) {
        return;
    }
    double squares = 0;
    double below = 0;
    for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
        double frequency = latent_sum(s, FIRING, i) / s.rows;
        squares += frequency * frequency;
        below += latent_sum(s, BELOW, i);
    }
    squares = block_sum(squares);
    below = block_sum(below);
    if (threadIdx.x != 0) {
        return;
    }
    double l0 = mean_l0(s);
    double firing;
    if (s.l0_target > 0) {
        firing = s.l0 * (l0 / s.l0_target - 1) * (l0 / s.l0_target - 1);
    } else {
        firing = s.frequency_scale > 0 ? s.l0 * (l0 + squares / s.frequency_scale) : s.l0 * l0;
    }
    double penalty = s.totals[PENALTY] / s.rows + firing + below;
    double aux = (aux_weight(s) * s.totals[AUX_ERROR] + s.totals[GATE_ERROR]) / s.rows;
    double loss = (s.totals[NESTED] + s.totals[UNSEEN]) / s.rows + penalty + aux;
    s.totals[TOTAL_PENALTY] = penalty;
    s.totals[TOTAL_AUX] = aux;
    s.totals[TOTAL_LOSS] = loss;
    s.totals[TOTAL_NORM] = 0;
    s.totals[TOTAL_FACTOR] = 1;
    if (!(fabs(loss) < 1.7e308)) {
        s.words[STATUS] |= NOT_FINITE;
        s.words[HALT] = number;
    }
}

// Sums of squares of a matrix, a number a block, into parts.
KERNEL square_parts(const Step s, const float* matrix, long long count) {
    double sum = 0;
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long e = (long long)blockIdx.x * blockDim.x + threadIdx.x; e < count; e += stride) {
        sum += (double)matrix[e] * matrix[e];
    }
    sum = block_sum(sum);
    if (threadIdx.x == 0) {
        s.parts[blockIdx.x] = sum;
    }
}

// The norm of the whole gradient, and the factor that limits it; skip_parts of parts belong to the skip connection.
KERNEL clip_factor(const Step s, int skip_parts) {
    if (s.words[STATUS] != 0) {
        return;
    }
    double sum = 0;
    for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
        sum += s.squares[i];
    }
    for (int j = threadIdx.x; j < s.d_out; j += blockDim.x) {
        sum += s.bias_gradient[j] * s.bias_gradient[j];
    }
    for (int c = threadIdx.x; c < skip_parts; c += blockDim.x) {
        sum += s.parts[c];
    }
    double norm = sqrt(block_sum(sum));
    if (threadIdx.x == 0) {
        double factor = s.clip / (norm + 1e-6);
        s.totals[TOTAL_NORM] = norm;
        s.totals[TOTAL_FACTOR] = factor < 1 ? factor : 1;
    }
}

KERNEL update_bias(const Step s) {
    int j = blockIdx.x * blockDim.x + threadIdx.x;
    if (s.words[STATUS] != 0 || j >= s.d_out) {
        return;
    }
    float g = (float)(s.totals[TOTAL_FACTOR] * s.bias_gradient[j]);
    adam_one(s, s.b_dec, s.m_b_dec, s.v_b_dec, s.a_b_dec, j, g, -__int_as_float(0x7f800000));
}

KERNEL update_skip(const Step s, long long count) {
    if (s.words[STATUS] != 0) {
        return;
    }
    float factor = (float)s.totals[TOTAL_FACTOR];
    long long stride = (long long)gridDim.x * blockDim.x;
    for (long long e = (long long)blockIdx.x * blockDim.x + threadIdx.x; e < count; e += stride) {
        float g = factor * s.skip_gradient[e];
        adam_one(s, s.skip, s.m_skip, s.v_skip, s.a_skip, e, g, -__int_as_float(0x7f800000));
    }
}
