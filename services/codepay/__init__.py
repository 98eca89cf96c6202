"""Payment codes (付款码): charged once, waited for, and reversed when nobody can wait longer."""
