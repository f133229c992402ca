package dev.loupe.engine;

/** What the tiles of a step sum up to, in tile order, so that the number of threads changes no bit. */
final class BatchSums {
    private final StepInput s;
    private final double[] errorSum;
    private final float[] inputSum;
    private double nested;
    private double reconstruction;
    private double auxError;
    private double gateError;
    private double energy;
    private double variance;
    private double penalty;
    private double power;
    private double powerNext;
    private double l1;
    private long active;
    private float smallest = Float.POSITIVE_INFINITY;

    BatchSums(ForwardTile[] tiles, StepInput s) {
        this.s = s;
        double[] mean = new double[s.dOut];
        double[] inputs = new double[s.dIn];
        errorSum = new double[s.dOut];
        for (ForwardTile t : tiles) {
            RowPass r = t.rowPass;
            nested += r.nested;
            reconstruction += r.reconstruction;
            auxError += r.auxError;
            gateError += r.gateError;
            energy += t.energy;
            nested += t.finite ? 0 : Double.NaN;
            variance += t.centredEnergy;
            penalty += r.penalty;
            power += r.power;
            powerNext += r.powerNext;
            l1 += r.l1;
            active += r.active;
            smallest = Math.min(smallest, r.smallest);
            for (int j = 0; j < s.dOut; j++) {
                mean[j] += t.targetSum[j] / s.rows;
                errorSum[j] += r.errorSum[j];
            }
            for (int j = 0; j < s.dIn; j++) {
                inputs[j] += t.inputSum[j];
            }
        }
        for (double c : mean) {
            variance -= s.rows * c * c;
        }
        inputSum = ScalarValues.narrow(inputs);
    }

    /** The factor of the auxiliary loss and its gradients. */
    double auxWeight() {
        return s.dead.length > 0 && reconstruction > 0 ? s.rule.aux() * energy / reconstruction : 0;
    }

    /** The gradient of b_dec as far as it does not pass through the encoder; to be added to. */
    double[] errorSum() {
        return errorSum;
    }

    /** Σ of what the encoder sees. */
    float[] inputSum() {
        return inputSum;
    }

    /** Active latents per row. */
    double l0() {
        return (double) active / s.rows;
    }

    StepMetrics metrics(LatentSums sums, int dead) {
        double squares = 0;
        double below = 0;
        for (int i = 0; i < s.n; i++) {
            double frequency = (double) sums.firing[i] / s.rows;
            squares += frequency * frequency;
            below += sums.below[i];
        }
        double l0 = l0();
        double cost = penalty / s.rows + s.rule.sparsity().firing(l0, squares) + below;
        double aux = (auxWeight() * auxError + gateError) / s.rows;
        return new StepMetrics(
                nested / s.rows + cost + aux,
                reconstruction / s.rows,
                cost,
                aux,
                l0,
                l1 / s.rows,
                reconstruction / variance,
                dead,
                active > 0 ? smallest : 0,
                power / s.rows,
                powerNext / s.rows,
                0);
    }
}
