// Which latents may act on a row, picked out of a tile of pre-activations that the product has just written.
//
// kernel           grid                     reads and writes, bytes (a tile of T rows lies in the second-level cache)
// select_top       T, a block per row       8 T n, then 12 per candidate
// select_dead      T                        16 T dead
// count_hits       T                        4 T n (STATISTICAL: 12 T n)
// scan_hits        1                        8 T
// fill_hits        T                        4 T n + 8 per hit
// refine_hits      B, a warp per hit        4 d_in per hit
// refine_dead      B, a warp per latent     4 d_in each
// radix_count      any                      4 per hit, three times
// radix_digit      1                        8 KB
// count_ties       B                        4 per hit
// scan_ties        1                        4 B
// keep_batch       B                        8 per hit

// Candidates of a row that are kept on the chip.
enum { CANDIDATES = 2048 };

static __device__ __forceinline__ const float* tile_row(const Step& s, int first) {
    return s.tile + (size_t)blockIdx.x * s.tile_stride;
}

// TOPK: the k largest, of equal ones the first. The k-th largest of the threads' own maxima is a bound that about k pass.
KERNEL select_top(const Step s, int first) {
    __shared__ unsigned keys[CANDIDATES];
    __shared__ int ids[CANDIDATES];
    __shared__ Radix q;
    int row = first + blockIdx.x;
    int k = s.k < s.n ? s.k : s.n;
    int start = row * k;
    if (threadIdx.x == 0) {
        s.hit_start[row] = start;
        s.hit_count[row] = k;
    }
    if (k == 0) {
        return;
    }
    const float* pre = tile_row(s, first);
    auto key = [&](int i) { return order_of(pre[i] + s.b_enc[i]); };
    unsigned bound = 0;
    if (2 * k <= (int)blockDim.x && s.n >= 8 * (int)blockDim.x) {
        unsigned best = 0;
        for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
            unsigned mine = key(i);
            best = mine > best ? mine : best;
        }
        keys[threadIdx.x] = best;
        __syncthreads();
        bound = kth_largest(q, [&](int i) { return keys[i]; }, blockDim.x, k).key;
        __syncthreads();
    }
    int count = write_where([&](int i) { return key(i) >= bound; }, s.n, [&](int slot, int i) {
        if (slot < CANDIDATES) {
            keys[slot] = key(i);
            ids[slot] = i;
        }
    });
    __syncthreads();
    if (count <= CANDIDATES) {
        auto kept = [&](int c) { return keys[c]; };
        write_largest(kept, count, kth_largest(q, kept, count, k), [&](int slot, int c) {
            s.hit_id[start + slot] = ids[c];
            s.hit_pi[start + slot] = value_of(keys[c]);
        });
    } else {
        write_largest(key, s.n, kth_largest(q, key, s.n, k), [&](int slot, int i) {
            s.hit_id[start + slot] = i;
            s.hit_pi[start + slot] = pre[i] + s.b_enc[i];
        });
    }
}

// The aux_k largest among the dead latents, not rectified.
KERNEL select_dead(const Step s, int first) {
    __shared__ Radix q;
    int row = first + blockIdx.x;
    int dead = s.words[DEAD];
    int k = s.aux_k < dead ? s.aux_k : dead;
    if (k == 0) {
        return;
    }
    const float* pre = tile_row(s, first);
    auto key = [&](int c) { return order_of(pre[s.dead[c]] + s.b_enc[s.dead[c]]); };
    size_t start = (size_t)row * s.aux_k;
    write_largest(key, dead, kth_largest(q, key, dead, k), [&](int slot, int c) {
        s.aux_id[start + slot] = s.dead[c];
        s.aux_pi[start + slot] = pre[s.dead[c]] + s.b_enc[s.dead[c]];
    });
}

KERNEL count_hits(const Step s, int first) {
    int row = first + blockIdx.x;
    const float* pre = tile_row(s, first);
    if (s.selection == STATISTICAL) {
        double sum = 0;
        for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
            sum += pre[i] + s.b_enc[i];
        }
        double mean = block_sum(sum) / s.n;
        double squares = 0;
        for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
            double c = pre[i] + s.b_enc[i] - mean;
            squares += c * c;
        }
        double limit = mean + sqrt(block_sum(squares) / s.n) * s.quantile;
        if (threadIdx.x == 0) {
            s.row_limit[row] = s.k >= s.n || limit < 0 ? 0.0f : (float)limit;
        }
        __syncthreads();
    }
    int mine = 0;
    for (int i = threadIdx.x; i < s.n; i += blockDim.x) {
        mine += pre[i] + s.b_enc[i] > limit_of(s, i, row) ? 1 : 0;
    }
    int all = block_sum(mine);
    if (threadIdx.x == 0) {
        s.hit_count[row] = all;
    }
}

// Where each row's hits go: behind those of the rows before it.
KERNEL scan_hits(const Step s, int first, int rows) {
    long long before = s.words[HITS];
    for (int base = 0; base < rows; base += blockDim.x) {
        int r = base + threadIdx.x;
        int all;
        int mine = block_scan(r < rows ? s.hit_count[first + r] : 0, &all);
        if (r < rows) {
            long long at = before + mine;
            s.hit_start[first + r] = at < s.hit_room ? (int)at : s.hit_room;
        }
        before += all;
    }
    if (threadIdx.x == 0) {
        s.words[HITS] = before < 0x7fffffff ? (int)before : 0x7fffffff;
        if (before > s.hit_room) {
            s.words[STATUS] |= NO_ROOM;
        }
    }
}

KERNEL fill_hits(const Step s, int first) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = first + blockIdx.x;
    const float* pre = tile_row(s, first);
    int start = s.hit_start[row];
    write_where([&](int i) { return pre[i] + s.b_enc[i] > limit_of(s, i, row); }, s.n, [&](int slot, int i) {
        s.hit_id[start + slot] = i;
        s.hit_pi[start + slot] = pre[i] + s.b_enc[i];
    });
}

// A pre-activation in float32, made by a warp.
static __device__ float exact(const Step& s, int row, int latent) {
    const float* x = s.seen + (size_t)row * s.d_in;
    const float* w = s.enc + (size_t)latent * s.d_in;
    float sum = 0;
    for (int j = lane(); j < s.d_in; j += 32) {
        sum += x[j] * w[j];
    }
    return warp_sum(sum) + s.b_enc[latent];
}

// After a product in fewer bits: what was chosen, computed again in float32.
KERNEL refine_hits(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = blockIdx.x;
    int start = s.hit_start[row];
    for (int h = start + warp(); h < start + s.hit_count[row]; h += warps()) {
        if (s.selection != BATCH_TOPK || s.hit_pi[h] > 0) { // 0: not kept
            float pi = exact(s, row, s.hit_id[h]);
            if (lane() == 0) {
                s.hit_pi[h] = pi;
            }
        }
    }
}

KERNEL refine_dead(const Step s) {
    int row = blockIdx.x;
    int dead = s.words[DEAD];
    int k = s.aux_k < dead ? s.aux_k : dead;
    for (int c = warp(); c < k; c += warps()) {
        size_t at = (size_t)row * s.aux_k + c;
        float pi = exact(s, row, s.aux_id[at]);
        if (lane() == 0) {
            s.aux_pi[at] = pi;
        }
    }
}

// BATCH_TOPK: the (k rows)-th largest of all hits, digit by digit as in kth_largest; before that the histogram is zero.
KERNEL radix_count(const Step s, int pass) {
    __shared__ int mine[2048];
    if (s.words[STATUS] != 0) {
        return;
    }
    int shift = pass == 0 ? 21 : pass == 1 ? 10 : 0;
    int bins = pass == 2 ? 1024 : 2048;
    unsigned mask = pass == 0 ? 0u : pass == 1 ? 0xffe00000u : 0xfffffc00u;
    unsigned prefix = pass == 0 ? 0u : (unsigned)s.words[PREFIX];
    for (int b = threadIdx.x; b < bins; b += blockDim.x) {
        mine[b] = 0;
    }
    __syncthreads();
    for (int h = blockIdx.x * blockDim.x + threadIdx.x; h < s.words[HITS]; h += gridDim.x * blockDim.x) {
        unsigned key = order_of(s.hit_pi[h]);
        if ((key & mask) == prefix) {
            atomicAdd(&mine[(key >> shift) & (bins - 1)], 1);
        }
    }
    __syncthreads();
    for (int b = threadIdx.x; b < bins; b += blockDim.x) {
        if (mine[b] != 0) {
            atomicAdd(&s.histogram[b], mine[b]);
        }
    }
}

// Takes a digit out of the histogram, which it clears; after the last one LIMIT is the limit and EQUAL how many equal to it
// are kept. With fewer hits than wanted all positive ones are kept, unless a bound above 0 may have left out others.
KERNEL radix_digit(const Step s, int pass, int wanted, int sample) {
    __shared__ Radix q;
    if (s.words[STATUS] != 0) {
        return;
    }
    int hits = s.words[HITS];
    bool few = wanted == 0 || hits < wanted;
    int shift = pass == 0 ? 21 : pass == 1 ? 10 : 0;
    if (!few) {
        find_bin(q, s.histogram, pass == 2 ? 1024 : 2048, pass == 0 ? wanted : s.words[WANTED]);
    }
    __syncthreads();
    if (threadIdx.x == 0 && few) {
        s.words[LIMIT] = wanted == 0 ? 0x7f800000 : 0;
        s.words[EQUAL] = 0;
        s.words[PREFIX] = 0;
        if (hits < wanted && !sample && __int_as_float(s.words[LEAST]) > 0) {
            s.words[STATUS] |= TOO_FEW;
        }
    } else if (threadIdx.x == 0) {
        unsigned prefix = (pass == 0 ? 0u : (unsigned)s.words[PREFIX]) | (unsigned)q.found << shift;
        s.words[PREFIX] = (int)prefix;
        s.words[WANTED] = q.left;
        s.words[LIMIT] = __float_as_int(value_of(prefix));
        s.words[EQUAL] = q.left;
    }
    for (int b = threadIdx.x; b < 2048; b += blockDim.x) {
        s.histogram[b] = 0;
    }
    if (sample && pass == 2 && threadIdx.x == 0) { // the bound of the pass to come
        s.words[LEAST] = wanted == 0 ? 0 : s.words[LIMIT];
        s.words[HITS] = 0;
    }
}

KERNEL count_ties(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = blockIdx.x;
    int start = s.hit_start[row];
    float limit = __int_as_float(s.words[LIMIT]);
    int mine = 0;
    for (int h = start + threadIdx.x; h < start + s.hit_count[row]; h += blockDim.x) {
        mine += s.hit_pi[h] == limit ? 1 : 0;
    }
    int all = block_sum(mine);
    if (threadIdx.x == 0) {
        s.ties[row] = all;
    }
}

// From how many a row has to how many the rows before it have.
KERNEL scan_ties(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int before = 0;
    for (int base = 0; base < s.rows; base += blockDim.x) {
        int r = base + threadIdx.x;
        int all;
        int mine = block_scan(r < s.rows ? s.ties[r] : 0, &all);
        if (r < s.rows) {
            s.ties[r] = before + mine;
        }
        before += all;
    }
}

// Sets to 0 what the batch does not keep; of those equal to the limit the first are kept.
KERNEL keep_batch(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int row = blockIdx.x;
    int start = s.hit_start[row];
    int count = s.hit_count[row];
    float limit = __int_as_float(s.words[LIMIT]);
    int ties = s.ties[row];
    for (int base = 0; base < count; base += blockDim.x) {
        int c = base + threadIdx.x;
        float pi = c < count ? s.hit_pi[start + c] : 0.0f;
        int tie = c < count && pi == limit ? 1 : 0;
        int all;
        int before = block_scan(tie, &all);
        if (c < count && !(pi > limit) && !(tie && ties + before < s.words[EQUAL])) {
            s.hit_pi[start + c] = 0.0f;
        }
        ties += all;
    }
}
