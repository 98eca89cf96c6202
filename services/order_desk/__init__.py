"""One payment as its provider sees it: found by any number, told in the words of people."""
