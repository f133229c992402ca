// The largest values of every row of a tile, merged into lists that lie in memory: the candidates of matching.
//
// kernel        grid                                      reads and writes, bytes
// top_lists     rows, a block per row                     4 rows columns, and 16 c per row whose list changes
// turn_tile     (columns / 32, rows / 32), 256 threads    8 rows columns
//
// A key has the order of a value in its upper half; its lower half says which of equal values comes first, by a mix of list
// and id that differs for all ids of a list. So the order is strict, and no list depends on the order of the tiles. Lists are
// descending; id -1 is an empty place, with the key 0.

// Room for the longest list.
enum { LONGEST = 64 };

// TopLists.mix.
static __device__ __forceinline__ unsigned mixed(unsigned list, unsigned id) {
    unsigned h = list * 0x9E3779B9u + id * 0x85EBCA6Bu;
    h = (h ^ (h >> 16)) * 0x7FEB352Du;
    h = (h ^ (h >> 15)) * 0x846CA68Bu;
    return h ^ (h >> 16);
}

static __device__ __forceinline__ unsigned long long key_of(float value, unsigned list, unsigned id) {
    unsigned upper = order_of(value == 0 ? 0.0f : value); // of zero there is one
    return (unsigned long long)upper << 32 | (mixed(list, id) ^ 0x80000000u);
}

// Row r of the tile belongs to list first_list + r, whose number in ties is tie + step * r; its column c has the id
// first_id + c. A list whose skip is not 0 takes nothing, and an id whose skip_id is not 0 is not taken.
KERNEL top_lists(
        const float* values, int stride, int columns, int first_list, int tie, int step, int first_id, int c,
        const unsigned char* skip, const unsigned char* skip_id, unsigned long long* keys, int* ids) {
    __shared__ unsigned long long key[2][LONGEST + 256];
    __shared__ int id[2][LONGEST + 256];
    int list = first_list + blockIdx.x;
    if (skip != nullptr && skip[list] != 0) {
        return;
    }
    unsigned mine = (unsigned)(tie + step * (int)blockIdx.x);
    const float* row = values + (size_t)blockIdx.x * stride;
    unsigned long long* list_keys = keys + (size_t)list * c;
    int* list_ids = ids + (size_t)list * c;
    for (int e = threadIdx.x; e < c; e += blockDim.x) {
        key[0][e] = list_keys[e];
        id[0][e] = list_ids[e];
    }
    __syncthreads();
    int now = 0;
    bool changed = false;
    for (int base = 0; base < columns; base += blockDim.x) {
        int at = base + threadIdx.x;
        unsigned long long cut = key[now][c - 1];
        bool wanted = at < columns && (skip_id == nullptr || skip_id[first_id + at] == 0);
        unsigned long long k = wanted ? key_of(row[at], mine, (unsigned)(first_id + at)) : 0;
        wanted = wanted && k > cut;
        int all;
        int slot = c + block_scan(wanted ? 1 : 0, &all);
        if (all == 0) {
            continue;
        }
        if (wanted) {
            key[now][slot] = k;
            id[now][slot] = first_id + at;
        }
        __syncthreads();
        int count = c + all;
        for (int e = threadIdx.x; e < count; e += blockDim.x) { // its place is how many are larger
            unsigned long long own = key[now][e];
            int rank = 0;
            for (int o = 0; o < count; o++) {
                rank += key[now][o] > own || (key[now][o] == own && o < e) ? 1 : 0; // only empty places are equal
            }
            if (rank < c) {
                key[1 - now][rank] = own;
                id[1 - now][rank] = id[now][e];
            }
        }
        __syncthreads();
        now = 1 - now;
        changed = true;
    }
    if (changed) {
        for (int e = threadIdx.x; e < c; e += blockDim.x) {
            list_keys[e] = key[now][e];
            list_ids[e] = id[now][e];
        }
    }
}

// to[c, r] = from[r, c], squares of 32 at a time.
KERNEL turn_tile(const float* from, int stride, int rows, int columns, float* to, int to_stride) {
    __shared__ float square[32][33];
    int r0 = blockIdx.y * 32;
    int c0 = blockIdx.x * 32;
    for (int e = threadIdx.x; e < 32 * 32; e += blockDim.x) {
        int r = e >> 5;
        int c = e & 31;
        square[r][c] = r0 + r < rows && c0 + c < columns ? from[(size_t)(r0 + r) * stride + c0 + c] : 0.0f;
    }
    __syncthreads();
    for (int e = threadIdx.x; e < 32 * 32; e += blockDim.x) {
        int c = e >> 5;
        int r = e & 31;
        if (r0 + r < rows && c0 + c < columns) {
            to[(size_t)(c0 + c) * to_stride + r0 + r] = square[r][c];
        }
    }
}
