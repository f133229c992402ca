package dev.loupe.map;

import dev.loupe.base.Progress;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * t-SNE with the repulsion of far cells taken together (van der Maaten, "Accelerating t-SNE using Tree-Based Algorithms",
 * 2014): gradient descent of KL(P ‖ Q), Q a Student's t of the distances in the plane. Settings are those of scikit-learn,
 * the learning rate that of Belkina et al. (2019). The same input gives the same bits on any number of threads: every
 * point's force is summed by itself, and sums over points are taken in order.
 */
final class Tsne {
    static final int EARLY = 250;
    static final int STEPS = 750;

    private static final double EXAGGERATION = 12;
    private static final double THETA = 0.5;
    private static final double LEAST_GAIN = 0.01;

    private final Affinities near;
    private final double[] y;
    private final double[] attraction;
    private final double[] repulsion;
    private final double[] normaliser; // by point
    private final QuadTree tree = new QuadTree();

    /** Begins at places, given as x and y in turn. */
    Tsne(Affinities near, double[] places) {
        this.near = near;
        this.y = places.clone();
        this.attraction = new double[y.length];
        this.repulsion = new double[y.length];
        this.normaliser = new double[y.length / 2];
    }

    /** All steps; the places, x and y in turn. */
    double[] run(Progress progress) {
        int n = y.length / 2;
        double rate = Math.max(n / EXAGGERATION / 4, 50);
        double[] gains = new double[y.length];
        Arrays.fill(gains, 1);
        double[] speed = new double[y.length];
        double[] gradient = new double[y.length];
        progress.stage("map", STEPS, "steps");
        for (int step = 0; step < STEPS; step++) {
            progress.check();
            boolean early = step < EARLY;
            gradient(early ? EXAGGERATION : 1, THETA, gradient);
            double momentum = early ? 0.5 : 0.8;
            for (int c = 0; c < y.length; c++) {
                boolean turned = speed[c] * gradient[c] >= 0; // speed points down the gradient
                gains[c] = Math.max(LEAST_GAIN, turned ? gains[c] * 0.8 : gains[c] + 0.2);
                speed[c] = momentum * speed[c] - rate * gains[c] * gradient[c];
                y[c] += speed[c];
            }
            progress.advance(step + 1);
        }
        return y.clone();
    }

    /** The gradient at the present places, affinities multiplied by a factor; theta 0 is exact. */
    void gradient(double exaggeration, double theta, double[] out) {
        double z = forces(theta);
        for (int c = 0; c < out.length; c++) {
            out[c] = 4 * (exaggeration * attraction[c] - repulsion[c] / z);
        }
    }

    /** Attraction and repulsion of every point; the normaliser of Q. */
    private double forces(double theta) {
        tree.build(y);
        int n = y.length / 2;
        int chunk = 256;
        IntStream.range(0, Math.ceilDiv(n, chunk)).parallel().forEach(block -> {
            double[] out = new double[3];
            int[] stack = new int[256];
            for (int i = block * chunk; i < Math.min(n, (block + 1) * chunk); i++) {
                stack = tree.repulsion(i, y, theta, out, stack);
                repulsion[2 * i] = out[0];
                repulsion[2 * i + 1] = out[1];
                normaliser[i] = out[2];
                attract(i);
            }
        });
        double z = 0;
        for (double part : normaliser) {
            z += part;
        }
        return Math.max(z, Double.MIN_NORMAL);
    }

    private void attract(int i) {
        double fx = 0;
        double fz = 0;
        for (int e = near.start()[i]; e < near.start()[i + 1]; e++) {
            int j = near.other()[e];
            double dx = y[2 * i] - y[2 * j];
            double dz = y[2 * i + 1] - y[2 * j + 1];
            double pull = near.p()[e] / (1 + dx * dx + dz * dz);
            fx += pull * dx;
            fz += pull * dz;
        }
        attraction[2 * i] = fx;
        attraction[2 * i + 1] = fz;
    }

    /** KL(P ‖ Q) in nats at the present places. */
    double divergence(double theta) {
        double z = forces(theta);
        double kl = 0;
        for (int i = 0; i < y.length / 2; i++) {
            int from = near.start()[i];
            int to = near.start()[i + 1];
            for (int e = from; e < to; e++) {
                // a pair of mutual neighbours has two entries; their sum is p(i, j)
                double p = 0;
                boolean first = true;
                for (int other = from; other < to; other++) {
                    if (near.other()[other] == near.other()[e]) {
                        p += near.p()[other];
                        first &= other >= e;
                    }
                }
                if (first && p > 0) {
                    int j = near.other()[e];
                    double dx = y[2 * i] - y[2 * j];
                    double dz = y[2 * i + 1] - y[2 * j + 1];
                    kl += p * Math.log(p * z * (1 + dx * dx + dz * dz));
                }
            }
        }
        return kl;
    }
}
