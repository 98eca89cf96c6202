"""The provider's configuration as the console's forms take it: cleaned, checked, explained."""
