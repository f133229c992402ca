// What all kernels of one training step share, passed to each by value. The host reads this declaration to lay the memory
// out, so it has one field a line and no types but these. Pointers of absent parts are null.
//
// B rows of a batch, n latents, G nested groups (1 without), c chunks.

struct Step {
    // parameters: latent by latent
    float* enc;                // [n, d_in]
    float* dec;                // [n, d_out]
    float* b_enc;              // [n]
    float* b_dec;              // [d_out]
    float* theta;              // [n], thresholds only
    float* b_mag;              // [n], gates only
    float* r_mag;              // [n], gates only
    float* skip;               // [d_out, d_in], transcoders with a skip connection
    // Adam's first and second moments, and the running average of the weights
    float* m_enc;
    float* m_dec;
    float* m_b_enc;
    float* m_b_dec;
    float* m_theta;
    float* m_b_mag;
    float* m_r_mag;
    float* m_skip;
    float* v_enc;
    float* v_dec;
    float* v_b_enc;
    float* v_b_dec;
    float* v_theta;
    float* v_b_mag;
    float* v_r_mag;
    float* v_skip;
    float* a_enc;
    float* a_dec;
    float* a_b_enc;
    float* a_b_dec;
    float* a_theta;
    float* a_b_mag;
    float* a_r_mag;
    float* a_skip;
    unsigned short* enc16;     // [n, d_pad] the encoder in bfloat16, null in other precisions
    // latents
    int* since;                // [n] steps since it last fired
    double* activity;          // [n] sum of its activations since it was last asked
    float* gain;               // [n] e^r, gates only
    float* norm;               // [n] norms of decoder rows, null where they are one
    int* dead;                 // [n] the dead latents, ascending
    double* sums;              // [LATENT_SUMS, n]
    double* squares;           // [n] of gradients, where the norm is limited
    float* kept_enc;           // [n, d_in] gradients, where they are kept before they are applied
    float* kept_dec;           // [n, d_out]
    float* skip_gradient;      // [d_out, d_in]
    // the batch
    float* input;              // [B, d_in]
    float* target;             // [B, d_out]
    float* seen;               // [B, d_in] what the encoder sees
    unsigned short* seen16;    // [B, d_pad] in bfloat16
    float* errors;             // [G + 1, B, d_out] derivative with respect to what a group adds; last of the auxiliary loss
    float* gate_errors;        // [B, d_out] of the gates' own reconstruction
    float* row_errors;         // [B]
    double* row_stats;         // [ROW_STATS, B]
    float* tile;               // [tile_rows, tile_stride] pre-activations without bias
    // latents that may act on a row: hit_count[r] from hit_start[r] on, ascending; the auxiliary ones from r * aux_k on
    int* hit_start;            // [B]
    int* hit_count;            // [B]
    float* row_limit;          // [B] above which a pre-activation counts (STATISTICAL)
    int* ties;                 // [B] pre-activations equal to the limit (BATCH_TOPK)
    int* hit_id;               // [hit_room]
    float* hit_pi;             // [hit_room] pre-activation
    int* hit_row;              // [hit_room] row of errors, or SILENT + row, or -1 for none
    float* hit_z;              // [hit_room] activation
    float* hit_d;              // [hit_room] derivative with respect to the pre-activation
    float* hit_x;              // [hit_room] the kernel at it (THRESHOLD), or the gate's part (GATE)
    int* aux_id;               // [B, aux_k]
    float* aux_pi;
    int* aux_row;
    float* aux_d;
    // the same pairs in order of latent, rows ascending within one
    int* chunk_counts;         // [c, n]
    int* starts;               // [n + 1]
    int* pair_row;             // [hit_room + B * aux_k]
    float* pair_z;
    float* pair_d;
    float* pair_x;
    // dense products of dense_width latents at a time
    float* dense_pi;           // [B, dense_width] pre-activations, then activations
    float* dense_d;            // [B, dense_width] derivatives
    double* dense_parts;       // [B / 128, LATENT_SUMS, dense_width]
    // sums over columns, by chunk of rows or latents
    double* parts;             // [c, d]
    double* target_sum;        // [d_out] of target - b_dec
    double* input_sum;         // [d_in] of what the encoder sees
    double* bias_gradient;     // [d_out]
    int* histogram;            // [2048]
    double* totals;            // [TOTALS]
    int* words;                // [WORDS]
    int* ends;                 // [G] ends of the nested groups
    int* in_ends;              // [places] where each place that is read ends
    int* out_ends;             // [places] where each place that is written ends
    // the rule
    double bandwidth;
    double aux;
    double prefix_weight;
    double l1;
    double p;
    double p_next;
    double l0;
    double l0_target;
    double frequency_scale;
    double tanh_weight;
    double tanh_scale;
    double pre_activation;
    double clip;
    double average;
    double quantile;           // of the normal distribution (STATISTICAL)
    float beta1;
    float rest1;
    float beta2;
    float rest2;
    float rate;                // the learning rate over 1 - beta1^t
    float root;                // 1 / sqrt(1 - beta2^t)
    float epsilon;
    int selection;
    int kernel;                // of the estimator
    int k;
    int aux_k;                 // room per row for the auxiliary loss; 0 without it
    int dead_after;
    int groups;
    int subtract_bias;
    int unit_decoder;
    int on_dead_only;
    int cross_layer;
    int sums_norms;
    int places;
    // sizes
    int n;
    int d_in;
    int d_out;
    int d_pad;
    int rows;
    int tile_stride;
    int hit_room;
    int chunk_rows;            // rows per chunk of the grouping
    int chunks;
    int dense_width;
};

// which latents act on a row, in the order of Selection.java
enum { POSITIVE, TOPK, STATISTICAL, BATCH_TOPK, THRESHOLD, GATE };

// shapes of the estimator, in the order of ThresholdKernel.java
enum { RECTANGLE, TRIANGLE, EPANECHNIKOV };

// per row; all are summed over rows but SMALLEST
enum RowStat {
    NESTED,
    RECONSTRUCTION,
    AUX_ERROR,
    GATE_ERROR,
    ENERGY,
    CENTRED,
    UNSEEN,
    PENALTY,
    POWER,
    POWER_NEXT,
    L1,
    ACTIVE,
    SMALLEST,
    ROW_STATS
};

// of a batch: first the sums over rows, then these
enum Total {
    TOTAL_VARIANCE = ROW_STATS,
    TOTAL_LOSS,
    TOTAL_PENALTY,
    TOTAL_AUX,
    TOTAL_NORM,
    TOTAL_FACTOR,
    TOTALS
};

// whole numbers of a step; STATUS must stay 0 for the parameters to move; HALT is the first step whose loss was no number
enum Word { STATUS, HITS, DEAD, LEAST, LIMIT, EQUAL, PREFIX, WANTED, HALT, WORDS };

// why a step is not taken
enum { NO_ROOM = 1, TOO_FEW = 2, NOT_FINITE = 4 };

// per latent
enum LatentSum { DIRECTION, GATE_PART, GAIN, ALONG_WINDOW, KERNELS, NORM_PART, BELOW, ACTIVATION, FIRING, LATENT_SUMS };

// set in hit_row where only the threshold learns
enum { SILENT = 1 << 30 };
