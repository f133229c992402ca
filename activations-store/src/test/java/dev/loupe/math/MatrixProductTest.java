package dev.loupe.math;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.loupe.base.UsageException;
import dev.loupe.fixtures.Cases;
import dev.loupe.kernel.PanelType;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class MatrixProductTest {

    /** Both kernel shapes must be right on every machine, whichever of them is fast there. */
    enum Shape {
        FOUR_BY_TWO(Kernel4x2.INSTANCE),
        FOUR_BY_FOUR(Kernel4x4.INSTANCE);

        private final Kernel kernel;

        Shape(Kernel kernel) {
            this.kernel = kernel;
        }
    }

    @ParameterizedTest
    @EnumSource(Shape.class)
    void productAgreesWithTheScalarReferenceAtAwkwardSizes(Shape shape) {
        Cases.check(60, random -> {
            int m = random.size(130);
            int n = random.size(130);
            int d = random.size(260);
            float[][] a = random.matrix(m, d);
            float[][] b = random.matrix(n, d);
            Matrix out = Matrix.copyOf(new float[m][n]);
            Matrix expected = Matrix.copyOf(new float[m][n]);
            new SimdMatrixProduct(shape.kernel).multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), out);
            MatrixProduct.scalar().multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), expected);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double magnitude = 0;
                    for (int c = 0; c < d; c++) {
                        magnitude += Math.abs((double) a[i][c] * b[j][c]);
                    }
                    assertThat((double) out.get(i, j)).isCloseTo(expected.get(i, j), within(1e-5 * magnitude));
                }
            }
        });
    }

    @Test
    void panelsOfFloat32GiveTheBitsOfTheVectorApi() {
        Cases.check(30, random -> {
            int m = random.size(250);
            int n = random.size(130);
            Matrix a = Matrix.copyOf(random.matrix(m, 37));
            Matrix b = Matrix.copyOf(random.matrix(n, 37));
            Matrix out = Matrix.copyOf(new float[m][n]);
            Matrix expected = Matrix.copyOf(new float[m][n]);
            new PanelMatrixProduct(PanelType.FLOAT32).multiplyNT(a, b, out);
            new SimdMatrixProduct(Kernel4x2.INSTANCE).multiplyNT(a, b, expected);
            assertThat(out.segment().mismatch(expected.segment())).isEqualTo(-1);
        });
    }

    @Test
    void productsOfBfloat16AreWithinTheirStatedError() {
        Cases.check(30, random -> {
            int m = random.size(130);
            int n = random.size(130);
            int d = random.size(260);
            float[][] a = random.matrix(m, d);
            float[][] b = random.matrix(n, d);
            Matrix out = Matrix.copyOf(new float[m][n]);
            Matrix expected = Matrix.copyOf(new float[m][n]);
            MatrixProduct.bf16().multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), out);
            MatrixProduct.scalar().multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), expected);
            for (int i = 0; i < m; i++) {
                for (int j = 0; j < n; j++) {
                    double magnitude = 0;
                    for (int c = 0; c < d; c++) {
                        magnitude += Math.abs((double) a[i][c] * b[j][c]);
                    }
                    double error = (Math.scalb(1.01, -7) + Math.scalb(d, -24)) * magnitude;
                    assertThat((double) out.get(i, j)).isCloseTo(expected.get(i, j), within(error + 1e-30));
                }
            }
        });
    }

    @Test
    void manyOutputsAreDoneInSeveralPasses() {
        Cases.Random random = Cases.random();
        float[][] a = random.matrix(3, 5);
        float[][] b = random.matrix(9001, 5);
        Matrix out = Matrix.copyOf(new float[3][9001]);
        Matrix expected = Matrix.copyOf(new float[3][9001]);
        MatrixProduct.best().multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), out);
        MatrixProduct.scalar().multiplyNT(Matrix.copyOf(a), Matrix.copyOf(b), expected);
        for (int j = 0; j < 9001; j++) {
            assertThat(out.get(2, j)).isCloseTo(expected.get(2, j), within(1e-4f));
        }
    }

    @Test
    void nanReachesExactlyItsRow() {
        Matrix x = Matrix.copyOf(Cases.random().matrix(50, 7));
        x.set(20, 3, Float.NaN);
        Matrix out = Matrix.copyOf(new float[50][40]);
        MatrixProduct.best().multiplyNT(x, Matrix.copyOf(Cases.random().matrix(40, 7)), out);
        for (int i = 0; i < 50; i++) {
            for (int j = 0; j < 40; j++) {
                assertThat(Float.isNaN(out.get(i, j))).isEqualTo(i == 20);
            }
        }
    }

    @Test
    void theNumberOfThreadsChangesNoBit() {
        Cases.Random random = Cases.random();
        Matrix x = Matrix.copyOf(random.matrix(300, 40));
        Matrix w = Matrix.copyOf(random.matrix(70, 40));
        Matrix one = Matrix.copyOf(new float[300][70]);
        Matrix many = Matrix.copyOf(new float[300][70]);
        int before = Parallel.threads();
        try {
            Parallel.setThreads(1);
            MatrixProduct.best().multiplyNT(x, w, one);
            Parallel.setThreads(3);
            MatrixProduct.best().multiplyNT(x, w, many);
        } finally {
            Parallel.setThreads(before);
        }
        assertThat(one.segment().mismatch(many.segment())).isEqualTo(-1);
    }

    @Test
    void shapesThatDoNotFitAreRefused() {
        Matrix x = Matrix.copyOf(new float[2][3]);
        assertThatThrownBy(() -> MatrixProduct.best().multiplyNT(x, Matrix.copyOf(new float[4][5]), x))
                .isInstanceOf(UsageException.class)
                .hasMessageContaining("does not fit");
    }
}
