package dev.loupe.feature;

/** Everything that is gathered about one latent while the store passes by. Used by one thread at a time. */
final class LatentStats {
    /** Held-out documents kept apart for scoring explanations, a uniform sample. */
    static final int SCORING = 20;

    long fired;
    long heldOutFired;
    double sum;
    double sumSquares;
    double sumCubes;
    double sumFourths;
    double heldOutSum;
    double heldOutSumSquares;
    float max;
    final int[] histogram = new int[LogBins.COUNT];
    final int[] byLabel;
    final int[] byLabelHeldOut;
    final double[] sumByLabel; // training documents only: labels are chosen on them
    final double[] heldOutSumByLabel;
    final long[] byPosition = new long[PositionBands.COUNT];
    final long[] together;
    final Strongest strongest;
    final Strongest strongestHeldOut;
    final DocumentSample sample;
    final DocumentSample heldOutSample;
    final RowSketch sketch = new RowSketch();
    final TokenCounts tokens = new TokenCounts();
    final TokenCounts previous = new TokenCounts();

    private final IndexOptions options;

    LatentStats(int latent, int labels, int neighbours, IndexOptions options) {
        this.options = options;
        this.byLabel = new int[labels];
        this.byLabelHeldOut = new int[labels];
        this.sumByLabel = new double[labels];
        this.heldOutSumByLabel = new double[labels];
        this.together = new long[neighbours];
        this.strongest = new Strongest(options.examples());
        this.strongestHeldOut = new Strongest(options.perBand());
        this.sample = new DocumentSample(options.sample(), latent);
        this.heldOutSample = new DocumentSample(SCORING, ~(long) latent);
    }

    /** Takes in the entries {@code [from, to)} of a block, all of this latent. */
    void add(Block block, int from, int to) {
        for (int start = from; start < to; ) {
            int sequence = block.sequence[block.row(start)];
            int end = start + 1;
            while (end < to && block.sequence[block.row(end)] == sequence) {
                end++;
            }
            addSequence(block, start, end);
            start = end;
        }
    }

    private void addSequence(Block block, int from, int to) {
        int first = block.row(from);
        boolean held = block.heldOut[first];
        int label = block.label[first];
        int peak = from;
        double total = 0;
        double squares = 0;
        double cubes = 0;
        double fourths = 0;
        for (int e = from; e < to; e++) {
            float value = block.value(e);
            int row = block.row(e);
            total += value;
            double square = (double) value * value;
            squares += square;
            cubes += square * value;
            fourths += square * square;
            sketch.add(block.firstRow + row);
            byPosition[PositionBands.of(block.position[row])]++;
            histogram[LogBins.bin(value)]++;
            tokens.add(block.token[row], value, held);
            if (block.previous[row] >= 0) {
                previous.add(block.previous[row], value, held);
            }
            peak = value > block.value(peak) ? e : peak;
        }
        int count = to - from;
        fired += count;
        sum += total;
        sumSquares += squares;
        sumCubes += cubes;
        sumFourths += fourths;
        byLabel[label] += count;
        if (held) {
            heldOutFired += count;
            heldOutSum += total;
            heldOutSumSquares += squares;
            byLabelHeldOut[label] += count;
            heldOutSumByLabel[label] += total;
        } else {
            sumByLabel[label] += total;
        }
        max = Math.max(max, block.value(peak));
        offer(block, from, to, peak, held);
    }

    private void offer(Block block, int from, int to, int peak, boolean held) {
        float value = block.value(peak);
        int document = block.document[block.row(peak)];
        boolean top = strongest.wants(value, document);
        boolean topHeldOut = held && strongestHeldOut.wants(value, document);
        boolean sampled = sample.wants(value, document);
        boolean scoring = held && heldOutSample.wants(value, document);
        if (!top && !topHeldOut && !sampled && !scoring) {
            return;
        }
        Hit hit = hit(block, from, to, peak);
        if (top) {
            strongest.add(hit);
        }
        if (topHeldOut) {
            strongestHeldOut.add(hit);
        }
        if (sampled) {
            sample.add(hit);
        }
        if (scoring) {
            heldOutSample.add(hit);
        }
    }

    private Hit hit(Block block, int from, int to, int peak) {
        int row = block.row(peak);
        int centre = block.position[row];
        int low = peak;
        while (low > from && block.position[block.row(low - 1)] >= centre - options.before()) {
            low--;
        }
        int high = peak;
        while (high + 1 < to && block.position[block.row(high + 1)] <= centre + options.after()) {
            high++;
        }
        short[] offsets = new short[high - low + 1];
        float[] values = new float[offsets.length];
        for (int i = 0; i < offsets.length; i++) {
            offsets[i] = (short) (block.position[block.row(low + i)] - centre);
            values[i] = block.value(low + i);
        }
        return new Hit(
                block.firstRow + row,
                block.document[row],
                block.sequence[row],
                centre,
                block.value(peak),
                offsets,
                values);
    }

    /** Counts on how many of this latent's rows its neighbours fire too; {@code stamps} belongs to the thread. */
    void addTogether(Block block, int latent, int[] neighbours, int[] stamps, int stamp) {
        for (int e = block.start(latent); e < block.end(latent); e++) {
            stamps[block.row(e)] = stamp;
        }
        for (int k = 0; k < neighbours.length; k++) {
            for (int e = block.start(neighbours[k]); e < block.end(neighbours[k]); e++) {
                together[k] += stamps[block.row(e)] == stamp ? 1 : 0;
            }
        }
    }

    /** Moments over the active tokens and over all. */
    Moments moments(long rows) {
        return Moments.of(new double[] {fired, sum, sumSquares, sumCubes, sumFourths}, rows);
    }

    double mean() {
        return fired == 0 ? 0 : sum / fired;
    }

    double std() {
        return fired == 0 ? 0 : Math.sqrt(Math.max(0, sumSquares / fired - mean() * mean()));
    }

    /** The label with most firings, or -1. */
    int topLabel() {
        int best = -1;
        for (int l = 0; l < byLabel.length; l++) {
            best = byLabel[l] > 0 && (best < 0 || byLabel[l] > byLabel[best]) ? l : best;
        }
        return best;
    }
}
