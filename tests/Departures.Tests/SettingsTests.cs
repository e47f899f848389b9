namespace Departures.Tests;

public sealed class SettingsTests
{
    [Fact]
    public void There_are_defaults() =>
        Assert.Equal(new Settings(5080, 10, Path.GetFullPath(".data")), Read());

    [Fact]
    public void All_can_be_chosen()
    {
        Assert.Equal(new Settings(1, 0.5, "/tmp/x"), Read(("PORT", "1"), ("DEPARTURES_SPEED", "0.5"), ("HEADWATER_DATA", "/tmp/x")));
        Assert.Equal(0, Read(("DEPARTURES_SPEED", "0")).MinutesPerSecond);
        Assert.Equal("Host=db", Read(("HEADWATER_POSTGRES", "Host=db")).Postgres);
    }

    [Fact]
    public void It_is_said_where_the_data_is_but_not_the_password()
    {
        Assert.Equal("/tmp/x", Read(("HEADWATER_DATA", "/tmp/x")).Store);
        Assert.Equal("the PostgreSQL database 'board' on db:5433", Read(("HEADWATER_POSTGRES", "Host=db;Port=5433;Database=board;Password=secret")).Store);
    }

    [Theory]
    [InlineData("postgresql://app:secret@db/board")]
    [InlineData("Host=db;Nonsense=secret")]
    [InlineData("Database=board;Password=secret")]
    public void A_connection_string_that_cannot_be_used_is_named_but_not_repeated(string value)
    {
        var message = Assert.Throws<SettingsException>(() => Read(("HEADWATER_POSTGRES", value))).Message;
        Assert.Contains("HEADWATER_POSTGRES", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("PORT", "x")]
    [InlineData("PORT", "-1")]
    [InlineData("PORT", "65536")]
    [InlineData("PORT", "80 80")]
    [InlineData("DEPARTURES_SPEED", "fast")]
    [InlineData("DEPARTURES_SPEED", "-1")]
    [InlineData("DEPARTURES_SPEED", "NaN")]
    [InlineData("DEPARTURES_SPEED", "1,5")]
    [InlineData("DEPARTURES_SPEED", "1e9")]
    public void A_value_that_makes_no_sense_is_named(string name, string value)
    {
        var message = Assert.Throws<SettingsException>(() => Read((name, value))).Message;
        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains($"'{value}'", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_cannot_be_made_is_named()
    {
        var file = Path.GetTempFileName();
        var message = Assert.Throws<SettingsException>(() => Read(("HEADWATER_DATA", Path.Combine(file, "x"))).MakeFolder()).Message;
        Assert.Contains(file, message, StringComparison.Ordinal);
        File.Delete(file);
    }

    private static Settings Read(params (string Name, string Value)[] variables) =>
        Settings.Read(name => variables.FirstOrDefault(variable => variable.Name == name).Value);
}
