package io.github.ddpm4j.data;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.ddpm4j.DataFormatException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataFolderTest {
  @TempDir Path folder;

  private Path mnistIn(String parent) throws IOException {
    Path mnist = Files.createDirectories(folder.resolve(parent));
    Files.createFile(mnist.resolve("train-images-idx3-ubyte.gz"));
    return mnist;
  }

  @Test
  void looksInTheVariableThenInTheCache() throws IOException {
    Path home = folder.resolve("home");
    Path cached = mnistIn("home/.cache/ddpm4j/data/mnist");
    String variable = folder.resolve("data").toString();
    assertThat(DataFolder.find("mnist", null, null, home)).isEqualTo(cached);
    assertThat(DataFolder.find("mnist", null, " ", home)).isEqualTo(cached);
    assertThat(DataFolder.find("mnist", null, variable, home)).isEqualTo(cached);
    Path named = mnistIn("data/mnist");
    assertThat(DataFolder.find("mnist", null, variable, home)).isEqualTo(named);
  }

  @Test
  void aGivenFolderIsTheOnlyOneLookedAt() throws IOException {
    Path given = folder.resolve("given");
    Path elsewhere = mnistIn("data/mnist");
    assertThatThrownBy(
            () -> DataFolder.find("mnist", given, elsewhere.getParent().toString(), folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("given/mnist")
        .hasMessageNotContaining("data/mnist");
    assertThat(DataFolder.find("mnist", mnistIn("given/mnist").getParent(), null, folder))
        .isEqualTo(given.resolve("mnist"));
  }

  @Test
  void aFolderMayBeTheDataSetItself() throws IOException {
    Path digits = mnistIn("digits");
    assertThat(DataFolder.find("mnist", digits, null, folder)).isEqualTo(digits);
    Path other = Files.createDirectories(folder.resolve("birds"));
    assertThat(DataFolder.find("birds", other, null, folder)).isEqualTo(other);
    assertThat(DataFolder.find("birds", folder, null, folder)).isEqualTo(other);
  }

  @Test
  void aFolderWithoutTheFilesIsNotTheDataSet() throws IOException {
    Files.createDirectories(folder.resolve("data/mnist"));
    assertThatThrownBy(
            () -> DataFolder.find("mnist", null, folder.resolve("data").toString(), folder))
        .isInstanceOf(DataFormatException.class)
        .hasMessageContaining("data set mnist")
        .hasMessageContaining("data/mnist")
        .hasMessageContaining(".cache/ddpm4j/data")
        .hasMessageContaining("DDPM4J_DATA");
  }
}
