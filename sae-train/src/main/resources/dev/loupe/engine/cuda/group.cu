// Pairs in order of latent, rows ascending within one: a counting sort whose order depends on nothing but the pairs. Within
// a row no latent comes twice, so the pairs of a row can be placed at once; rows of a chunk follow one another.
//
// kernel           grid                                reads and writes, bytes
// count_pairs      chunks, of chunk_rows rows each     8 per pair
// latent_counts    n / block                           8 chunks n
// scan_starts      1                                   8 n
// place_pairs      chunks                              20 + 16 per pair
//
// Rows B .. 2 B - 1 are those of the auxiliary loss; chunk_counts is zero before.

static __device__ __forceinline__ int all_rows(const Step& s) { return s.aux_k > 0 ? 2 * s.rows : s.rows; }

KERNEL count_pairs(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int* counts = s.chunk_counts + (size_t)blockIdx.x * s.n;
    int from = blockIdx.x * s.chunk_rows;
    for (int r = from; r < from + s.chunk_rows && r < all_rows(s); r++) {
        bool aux = r >= s.rows;
        size_t start = aux ? (size_t)(r - s.rows) * s.aux_k : s.hit_start[r];
        int count = aux ? s.aux_k : s.hit_count[r];
        for (int c = threadIdx.x; c < count; c += blockDim.x) {
            if ((aux ? s.aux_row : s.hit_row)[start + c] >= 0) {
                atomicAdd(&counts[(aux ? s.aux_id : s.hit_id)[start + c]], 1);
            }
        }
    }
}

// From how many pairs a chunk has of a latent to how many the chunks before it have.
KERNEL latent_counts(const Step s) {
    int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (s.words[STATUS] != 0 || i >= s.n) {
        return;
    }
    int before = 0;
    for (int c = 0; c < s.chunks; c++) {
        int* count = &s.chunk_counts[(size_t)c * s.n + i];
        int mine = *count;
        *count = before;
        before += mine;
    }
    s.starts[i + 1] = before;
}

KERNEL scan_starts(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int before = 0;
    for (int base = 0; base < s.n; base += blockDim.x * ITEMS) {
        int first = base + threadIdx.x * ITEMS;
        int mine[ITEMS];
        int sum = 0;
        for (int t = 0; t < ITEMS; t++) {
            mine[t] = first + t < s.n ? s.starts[first + t + 1] : 0;
            sum += mine[t];
        }
        int all;
        int at = before + block_scan(sum, &all);
        for (int t = 0; t < ITEMS; t++) {
            at += mine[t];
            if (first + t < s.n) {
                s.starts[first + t + 1] = at;
            }
        }
        before += all;
    }
    if (threadIdx.x == 0) {
        s.starts[0] = 0;
    }
}

KERNEL place_pairs(const Step s) {
    if (s.words[STATUS] != 0) {
        return;
    }
    int* places = s.chunk_counts + (size_t)blockIdx.x * s.n;
    int from = blockIdx.x * s.chunk_rows;
    float weight = (float)aux_weight(s);
    for (int r = from; r < from + s.chunk_rows && r < all_rows(s); r++) {
        bool aux = r >= s.rows;
        size_t start = aux ? (size_t)(r - s.rows) * s.aux_k : s.hit_start[r];
        int count = aux ? s.aux_k : s.hit_count[r];
        for (int c = threadIdx.x; c < count; c += blockDim.x) {
            int row = (aux ? s.aux_row : s.hit_row)[start + c];
            if (row < 0) {
                continue;
            }
            int latent = (aux ? s.aux_id : s.hit_id)[start + c];
            int to = s.starts[latent] + places[latent]++;
            s.pair_row[to] = row;
            s.pair_z[to] = aux ? weight * s.aux_pi[start + c] : s.hit_z[start + c];
            s.pair_d[to] = aux ? weight * s.aux_d[start + c] : s.hit_d[start + c];
            s.pair_x[to] = aux ? 0.0f : s.hit_x[start + c];
        }
        __syncthreads();
    }
}
